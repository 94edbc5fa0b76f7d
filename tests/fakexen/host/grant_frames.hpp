// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of grant tables: growing, switching between versions, handing frames to dom0.
//
// What Xen 4.17 does, with one difference unless the host is an `eager-status` one: the array that tracks a domain's status
// frames is made when the domain switches to version 2 and goes when it switches back, so a domain that never does has
// none. Xen makes it with the domain.
#pragma once

#include "tests/fakexen/host/hypervisor.hpp"

#include <cstdint>
#include <vector>

namespace fakexen {

/// The table of a new domain. @return 0 or -ENOMEM, having made nothing
[[nodiscard]] int make_grant_table(Hypervisor& xen, Domain& domain);

/// Grows a table to at least nr_frames shared frames, and in version 2 the status frames that they need: all or nothing.
/// @return 0, -EINVAL (beyond its limit) or -ENOMEM
[[nodiscard]] int grow_grant_table(Hypervisor& xen, Domain& domain, std::uint64_t nr_frames);

/// GNTTABOP_set_version of the calling domain. @return 0 or -errno, the table being as it was
[[nodiscard]] int set_grant_version(Hypervisor& xen, Domain& domain, std::uint32_t version);

/// What of a domain's table is asked for: XENMEM_resource_grant_table.
struct GrantResource {
    std::uint32_t id = 0;  ///< XENMEM_resource_grant_table_id_…
    std::uint64_t frame = 0;
    std::uint64_t nr_frames = 0;
};

/// How many frames the table can have, by its limit, whatever its version. 0: there is no such id
[[nodiscard]] std::uint32_t grant_resource_size(const GrantTable& table, std::uint32_t id);

/// The frames, for which the table grows if it must. @throws Refused EINVAL, the table having grown as far as Xen got
[[nodiscard]] std::vector<std::uint64_t> acquire_grant_frames(Hypervisor& xen, Domain& domain,
                                                              const GrantResource& wanted);

}  // namespace fakexen
