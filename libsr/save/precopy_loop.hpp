// SPDX-License-Identifier: LGPL-2.1-or-later
// Rounds over memory while the guest runs. What a round does and when there are enough of them is not known here.
#pragma once

#include "libsr/save/precopy_policy.hpp"

namespace sr {

/// The memory of a running guest, as the loop sees it.
class LiveMemory {
public:
    LiveMemory() = default;
    LiveMemory(const LiveMemory&) = delete;
    LiveMemory& operator=(const LiveMemory&) = delete;
    virtual ~LiveMemory() = default;

    /// Sends what is to be sent. The first round is everything.
    /// @param round  rounds before this one. @return pages sent
    virtual std::uint64_t send_round(std::uint32_t round) = 0;
    /// What has changed since it was last asked is to be sent. @return how many pages
    virtual std::uint64_t fetch_dirty() = 0;
};

/// Sends rounds until the policy has the guest stopped. Asks it where the stock engine does: before each round, and
/// after it, when nobody knows yet what became dirty meanwhile. What was fetched is sent, also if the policy then says
/// that it is enough.
///
/// @param nr_pages  what the first round will send, as far as that is known
/// @throws Error{callback} if the policy says to give up; what LiveMemory throws
void run_precopy(LiveMemory& memory, const PrecopyPolicy& policy, std::uint64_t nr_pages);

}  // namespace sr
