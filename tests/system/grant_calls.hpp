// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls about grant tables that this process makes of Xen's libraries, seen on their way, with something done in between.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace sr::test {

/// One call of xenforeignmemory_map_resource().
struct Acquisition {
    unsigned kind;  ///< XENMEM_resource_grant_table_id_*
    std::uint64_t first;
    std::uint64_t nr_frames;
    friend bool operator==(const Acquisition&, const Acquisition&) = default;
};
using Acquisitions = std::vector<Acquisition>;

/// What happens around calls. None of it sees the calls that the functions in it make.
struct GrantCallHooks {
    std::function<void(unsigned kind)> before_acquire;
    std::function<void(unsigned kind)> after_acquire;
    std::function<void()> after_release;
    std::function<void()> before_version;
    std::function<void(std::uint32_t& flags)>
        on_domain_flags;  ///< XEN_DOMINF_*, for a domain to be told otherwise
    int refuse_acquire =
        0;  ///< errno with which no frame is given, as EOPNOTSUPP by Linux before 4.18
    Acquisitions acquired;
    unsigned nr_versions = 0;  ///< GNTTABOP_get_version
    unsigned nr_sizes = 0;     ///< GNTTABOP_query_size
    unsigned nr_others = 0;    ///< others of GNTTABOP_*

    void forget_calls();
};
[[nodiscard]] GrantCallHooks& hooks();

}  // namespace sr::test
