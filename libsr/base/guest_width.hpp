// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a PV guest is a 64-bit or a 32-bit PAE one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sr {

/// The word size of a PV guest; the value is octets per word, as X86_PV_INFO has it.
enum class GuestWidth : std::uint8_t {
    bits32 = 4,  ///< PAE: three levels of page tables
    bits64 = 8,  ///< four levels
};

/// Octets in a word of the guest, and in one entry of its p2m.
[[nodiscard]] constexpr std::size_t octets_of_word(GuestWidth width) noexcept
{
    return static_cast<std::size_t>(width);
}

/// Levels of page tables: 3 or 4.
[[nodiscard]] constexpr unsigned levels_of(GuestWidth width) noexcept
{
    return width == GuestWidth::bits64 ? 4U : 3U;
}

}  // namespace sr
