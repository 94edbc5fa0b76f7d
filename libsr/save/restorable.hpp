// SPDX-License-Identifier: LGPL-2.1-or-later
// What every restore insists on, looked at while the guest is still whole.
#pragma once

#include "libsr/mem/table_reach.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/xen/domain.hpp"

#include <vector>

namespace sr {

/// Refuses a guest whose stream no restore would take: the frames of its p2m and its start_info, which
/// are the guest's own choice, must be ordinary memory, and the rings that start_info names must be
/// memory. (Xen itself sees to the others that a vCPU names: its tables and those of its GDT.)
///
/// @param guest          suspended
/// @param tables_in_use  if stale types were looked for, else null
/// @return the rings, which xenstored and the console daemon write to as well: no dirty log shows that
/// @throws Error{guest} naming the frame's pfn and its type, Error{hypervisor}
[[nodiscard]] std::vector<Pfn> check_restorable(const Domain& domain, const PvGuest& guest,
                                                const TableReach* tables_in_use);

}  // namespace sr
