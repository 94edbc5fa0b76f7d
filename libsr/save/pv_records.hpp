// SPDX-License-Identifier: LGPL-2.1-or-later
// The records of a PV domain that are not memory, each from the hypervisor to the stream.
#pragma once

#include "libsr/mem/page_type.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "libsr/xen/domain.hpp"

namespace sr {

/// X86_PV_INFO, X86_CPUID_POLICY, X86_MSR_POLICY: what never changes. STATIC_DATA_END is to follow.
void write_static_records(const Domain& domain, const GuestAbi& abi, StreamWriter& writer);

/// X86_PV_P2M_FRAMES.
void write_p2m_frames(const PvGuest& guest, StreamWriter& writer);

/// X86_TSC_INFO, SHARED_INFO and the records of every online vCPU, in order of their ids.
/// @throws Error{guest} naming vCPU and field of a frame that is not the guest's
void write_machine_records(const Domain& domain, const DomainInfo& info, const PvGuest& guest,
                           StreamWriter& writer);

}  // namespace sr
