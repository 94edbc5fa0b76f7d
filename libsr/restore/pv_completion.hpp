// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a PV restore: from memory and records to a domain that can run.
#pragma once

#include "libsr/base/log.hpp"
#include "libsr/restore/guest_memory.hpp"
#include "libsr/restore/pv_restore.hpp"
#include "libsr/restore/restore.hpp"
#include "libsr/restore/vcpu_records.hpp"
#include "libsr/xen/domain.hpp"

#include <cstddef>
#include <functional>
#include <span>

namespace sr {

/// Where a domain is completed. Borrows all.
struct PvDestination {
    const Domain& domain;
    const DomainInfo& info;
    const RestoreSettings& settings;
    Logger& log;
};

/// A page that is not in the domain's memory yet; empty if what stands there counts.
using PendingPage = std::function<std::span<const std::byte>(Pfn)>;

/// Checks that the guest, as far as it is known, can be completed: before anything is changed, or before a checkpoint is
/// relied on.
/// @param pending  the pages of that checkpoint
/// @throws Error{malformed} naming what the stream did not hold or holds wrongly; Error{hypervisor}
void check_complete(const PvState& pv, const VcpuRecords& vcpus, GuestMemory& memory,
                    const PendingPage& pending = {});

/// Gives back unused frames; writes shared_info, start_info and the p2m; sets the vCPUs; pins the
/// page tables; seeds the grant table.
///
/// Writable mappings come first and are gone before the vCPUs: setting a context, and each pin,
/// makes the hypervisor validate page tables, which it refuses to do for pages that are mapped
/// writably.
///
/// @throws Error{malformed} naming what the stream did not hold or holds wrongly, before anything
/// is
///         changed where that can be seen; Error{hypervisor} naming the vCPU or table that was
///         refused
[[nodiscard]] RestoreResults complete_pv_domain(const PvDestination& to, PvState& pv,
                                                GuestMemory& memory, const VcpuRecords& vcpus);

}  // namespace sr
