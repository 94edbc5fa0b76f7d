// SPDX-License-Identifier: LGPL-2.1-or-later
// A 32-bit guest's vCPU context as XEN_DOMCTL_{set,get}vcpucontext carry it: 2800 octets instead of 5168.
//
// A vCPU keeps a 64-bit context whatever its guest is, as Xen does. What has no place of its own there: cr3 is the
// frame shifted by 12, not rotated; the selectors of the event (low half) and failsafe (high half) callbacks are in
// syscall_callback_eip, which a 32-bit guest has not.
#pragma once

#include "tests/fakexen/protocol/xen.hpp"

#include <xen/foreign/x86_32.h>

#include <cstdint>

namespace fakexen {

using Context32 = vcpu_guest_context_x86_32_t;
static_assert(sizeof(Context32) == 2800);
static_assert(sizeof(shared_info_x86_32_t) == 2344 && sizeof(vcpu_info_x86_32_t) == 64);

[[nodiscard]] vcpu_guest_context_t widened(const Context32& context);
[[nodiscard]] Context32 narrowed(const vcpu_guest_context_t& context);

/// The cr3 of a 32-bit guest: its low 12 bits are bits 20 to 31 of the frame (xen-x86_32.h, "extended cr3").
[[nodiscard]] constexpr std::uint32_t extended_cr3(std::uint32_t frame) noexcept
{
    return frame << 12 | frame >> 20;
}
[[nodiscard]] constexpr std::uint32_t frame_of_extended_cr3(std::uint32_t cr3) noexcept
{
    return cr3 >> 12 | cr3 << 20;
}

}  // namespace fakexen
