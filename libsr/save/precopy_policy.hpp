// SPDX-License-Identifier: LGPL-2.1-or-later
// Another round while the guest runs, stop it, or give up: decided from statistics alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace sr {

/// Mirrors enum sr_precopy_decision of sr.h.
enum class PrecopyDecision : std::int8_t {
    abort = -1,
    another_round = 0,
    stop_guest = 1,
};

/// Where a live save stands. Mirrors struct sr_precopy_stats of sr.h.
struct PrecopyStats {
    std::uint32_t iteration = 0;               ///< rounds done
    std::uint64_t total_written = 0;           ///< pages sent so far
    std::optional<std::uint64_t> dirty_count;  ///< pages dirty now, if that is known
};

using PrecopyPolicy = std::function<PrecopyDecision(const PrecopyStats&)>;

/// The stock engine's rule: five rounds, or fewer than fifty pages dirty.
[[nodiscard]] constexpr PrecopyDecision stock_precopy_policy(const PrecopyStats& stats) noexcept
{
    constexpr std::uint32_t most_rounds = 5;
    constexpr std::uint64_t few_pages = 50;
    return stats.iteration >= most_rounds || (stats.dirty_count && *stats.dirty_count < few_pages)
               ? PrecopyDecision::stop_guest
               : PrecopyDecision::another_round;
}

}  // namespace sr
