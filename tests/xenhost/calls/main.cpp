// SPDX-License-Identifier: LGPL-2.1-or-later
// calls: makes hypercalls and foreign mappings, good and bad, and prints what came of each. Run in dom0 of a real Xen and on a
// fakexen host it must print the same.
#include "tests/xenhost/calls/sections.hpp"

#include <cstdio>
#include <exception>

namespace {

struct Section {
    const char* name;
    void (*run)(calls::Machine&);
};

constexpr Section sections[] = {
    {"host", calls::try_host},
    {"creation", calls::try_creation},
    {"settings", calls::try_settings},
    {"memory", calls::try_memory},
    {"mappings", calls::try_mappings},
    {"tables", calls::try_tables},
    {"entries", calls::try_entries},
    {"updates", calls::try_updates},
    {"vcpus", calls::try_vcpus},
    {"log-dirty", calls::try_log_dirty},
    {"events", calls::try_events},
    {"grants", calls::try_grants},
    {"grant-maps", calls::try_grant_maps},
    {"end", calls::try_end},
    {"pae", calls::try_pae},
};

}  // namespace

int main(int argc, char** argv)
{
    const std::string only = argc > 1 ? argv[1] : "";
    int status = 0;
    for (const Section& section : sections) {
        if (!only.empty() && only != section.name) {
            continue;
        }
        calls::say("== %s", section.name);
        try {
            calls::Machine machine;
            section.run(machine);
        } catch (const std::exception& failure) {
            calls::say("stopped: %s", failure.what());
            status = 1;
        }
    }
    return status;
}
