// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables that the hypervisor still calls so though it no longer vouches for them: found and demoted.
#pragma once

#include "libsr/mem/table_reach.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/xen/domain.hpp"

#include <chrono>
#include <cstdint>

namespace sr {

/// True if the hypervisor reports types of pages that are neither pinned nor validated, or may: Xen
/// before 4.16 (commit 0a87e677f4f4, "x86/PV: make post-migration page state consistent"), unless a
/// distribution backported that.
[[nodiscard]] constexpr bool reports_stale_types(XenVersion version) noexcept
{
    return version.major < 4 || (version.major == 4 && version.minor < 16);
}

/// What looking for them came to.
struct TablesInUse {
    TableReach tables;
    std::uint64_t nr_pages;          ///< pages that were asked for their type
    std::chrono::nanoseconds spent;  ///< of the time that the guest stands still
};

/// Asks for the type of each page, and follows the tables from pins and from every vCPU's cr3 and
/// cr1, be it offline.
/// @param guest  suspended. @throws Error{hypervisor}, Error{guest} if frames stand at several pfns
[[nodiscard]] TablesInUse find_tables_in_use(const Domain& domain, const DomainInfo& info,
                                             const PvGuest& guest);

}  // namespace sr
