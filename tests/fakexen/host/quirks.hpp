// SPDX-License-Identifier: LGPL-2.1-or-later
// In what a host differs from Xen 4.17 on ordinary hardware: `fakexen start --quirk NAME`.
#pragma once

#include "tests/fakexen/host/grant_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fakexen {

/// "latency:CALL:US": the caller of each such call gets its answer so much later.
struct Latency {
    std::string call;  ///< "populate_physmap", "memory_op.populate_physmap", "map", or "any"
    std::uint32_t us = 0;
};

struct Quirks {
    /// "stale-types": getpageframeinfo3 reports the type that a de-validated page table had, as Xen before 4.16 does.
    bool stale_types = false;
    /// "no-gup": clients' memory calls that need the pages themselves fail on guest memory, as on real privcmd mappings.
    bool no_gup = false;
    /// "eager-status": the array that tracks a domain's grant status frames is made with the domain, as Xen has it.
    bool eager_status = false;
    /// "grant-version:N", "grant-frames:N": what a domain's grant table may be at most, as on Xen's command line gnttab=max-ver:N
    /// and gnttab_max_frames=N.
    GrantLimits grants{};
    std::vector<Latency> latencies;

    /// How much later the answer to a call comes. @param full the call's name with its family's
    [[nodiscard]] std::uint32_t latency_us(const std::string& full, const char* call) const;
};

/// Adds a quirk by what it is called. @throws Error{usage} on a name or value that is none
void add_quirk(Quirks& quirks, const std::string& text);

}  // namespace fakexen
