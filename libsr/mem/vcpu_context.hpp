// SPDX-License-Identifier: LGPL-2.1-or-later
// The frame numbers in a vCPU's registers, out to the stream and in again.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sr {

/// Makes a vCPU's context (struct vcpu_guest_context) fit for X86_PV_VCPU_BASIC: the GDT's frames,
/// cr3, for a 64-bit guest cr1 if there is one (bit 0 then says so), and for vCPU 0 the frame of
/// start_info in rdx become pfns.
///
/// @param context  what XEN_DOMCTL_getvcpucontext gave, as long as the guest's layout; changed in
/// place
/// @throws Error{guest} naming vCPU, field, mfn and why it has no pfn, or a GDT that is too long;
/// Error{internal} on a wrong
///         length. The context is then half done.
void normalise_vcpu_context(std::span<std::byte> context, unsigned vcpu, const GuestAbi& abi,
                            const FrameTranslator& translator);

/// The tables that a vCPU runs on, in the context that XEN_DOMCTL_getvcpucontext gave: what is in cr3
/// and, where there is one, in cr1. One that holds no frame number is left out.
[[nodiscard]] std::vector<Mfn> tables_of(std::span<const std::byte> context, const GuestAbi& abi);

/// Makes the blob of an X86_PV_VCPU_BASIC record fit for XEN_DOMCTL_setvcpucontext: pfns become
/// mfns, bit 0 of cr1 goes, VGCF_online is set. Every frame must be one that the stream sent,
/// ordinary memory for the GDT and start_info, a table of the top level for cr3 and cr1.
///
/// @param context  the untrusted blob, changed in place
/// @throws Error{malformed} naming vCPU, field and pfn, or a wrong length. The context is then half
/// done.
void localise_vcpu_context(std::span<std::byte> context, unsigned vcpu, const GuestAbi& abi,
                           const RestoreP2m& p2m);

/// The frame of start_info in the context of vCPU 0 that XEN_DOMCTL_getvcpucontext gave, not checked.
[[nodiscard]] Mfn start_info_mfn(std::span<const std::byte> context, const GuestAbi& abi);

/// The pfn of start_info in vCPU 0's blob, not checked: localise_vcpu_context() does.
[[nodiscard]] Pfn start_info_pfn(std::span<const std::byte> context, const GuestAbi& abi);

}  // namespace sr
