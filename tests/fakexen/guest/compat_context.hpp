// SPDX-License-Identifier: LGPL-2.1-or-later
// The vCPU context of a 32-bit guest as dom0 sees it. The kernel and the host handle it in the 64-bit shape
// (protocol/messages.hpp).
#pragma once

#include "tests/fakexen/guest/abi.hpp"
#include "tests/fakexen/protocol/xen.hpp"

#include <xen/foreign/x86_32.h>

namespace fakexen::guest {

/// A context in the shape of its guest's width, as Xen takes and gives it.
union ContextOctets {
    vcpu_guest_context_t wide;
    vcpu_guest_context_x86_32_t narrow;
};

/// The width of a fakexen guest, told from where a vCPU's instruction pointer is; null if it is none of ours.
[[nodiscard]] const Abi* abi_of(const vcpu_guest_context_t& context);

/// The context in the shape that its guest has.
[[nodiscard]] ContextOctets octets_of(const vcpu_guest_context_t& context, const Abi& abi);

/// The reverse.
[[nodiscard]] vcpu_guest_context_t context_of(const ContextOctets& octets, const Abi& abi);

/// Our kernels' pointer to their state: r15, or edi.
[[nodiscard]] inline std::uint64_t state_pointer(const vcpu_guest_context_t& context,
                                                 const Abi& abi)
{
    return abi.bits == 32 ? context.user_regs.rdi : context.user_regs.r15;
}

}  // namespace fakexen::guest
