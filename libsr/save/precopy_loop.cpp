// SPDX-License-Identifier: LGPL-2.1-or-later
// The rounds of a live save.
#include "libsr/save/precopy_loop.hpp"

#include "libsr/base/error.hpp"

namespace sr {
namespace {

/// @return true for another round
bool ask(const PrecopyPolicy& policy, const PrecopyStats& stats)
{
    const PrecopyDecision decision = policy(stats);
    if (decision == PrecopyDecision::abort) {
        throw Error{Errc::callback,
                    "the policy gave up after round %u, while the guest was running",
                    stats.iteration}
            .with_call("precopy_policy");
    }
    return decision == PrecopyDecision::another_round;
}

}  // namespace

void run_precopy(LiveMemory& memory, const PrecopyPolicy& policy, std::uint64_t nr_pages)
{
    PrecopyStats stats{.dirty_count = nr_pages};
    bool goes_on = true;
    while (goes_on) {
        goes_on = ask(policy, stats);
        stats.total_written += memory.send_round(stats.iteration);
        if (!goes_on) {
            break;
        }
        ++stats.iteration;
        stats.dirty_count.reset();
        goes_on = ask(policy, stats);
        if (goes_on) {
            stats.dirty_count = memory.fetch_dirty();
        }
    }
}

}  // namespace sr
