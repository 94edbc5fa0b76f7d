// SPDX-License-Identifier: LGPL-2.1-or-later
// Segment descriptors and selectors that a PV guest may have: Intel SDM vol. 3A, "Segment Descriptors".
#pragma once

#include <algorithm>
#include <cstdint>

namespace fakexen {

/// The privilege level a guest's kernel runs at: 3 for a 64-bit guest, 1 for a 32-bit one.
[[nodiscard]] constexpr unsigned kernel_ring(bool is_32bit) noexcept
{
    return is_32bit ? 1 : 3;
}

/// Xen lifts the requested privilege level of a guest kernel's selector to its kernel's.
template <typename Selector>
void fix_selector(Selector& selector, bool is_32bit) noexcept
{
    const auto value = static_cast<std::uint64_t>(selector);
    const std::uint64_t ring = std::max<std::uint64_t>(value & 3, kernel_ring(is_32bit));
    selector = static_cast<Selector>((value & ~std::uint64_t{3}) | ring);
}

/// Lifts the descriptor's privilege level to the guest kernel's; a 32-bit guest's flat segments that reach into Xen's area get
/// all of it, so that they cover the M2P. False for what Xen refuses: system segments except call gates, and
/// long-mode code of a 32-bit guest.
[[nodiscard]] bool fix_descriptor(std::uint64_t& descriptor, bool is_32bit) noexcept;

}  // namespace fakexen
