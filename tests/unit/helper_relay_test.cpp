// SPDX-License-Identifier: LGPL-2.1-or-later
// What of the engine's words and progress reaches xl, and when a live save goes on.
#include "tools/save-helper/engine_call.hpp"
#include "tools/save-helper/relay.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

sr_progress at(sr_phase phase, std::uint64_t done, std::uint64_t total, std::uint32_t round = 0)
{
    sr_progress progress{};
    progress.size = sizeof(progress);
    progress.phase = phase;
    progress.round = round;
    progress.pages_done = done;
    progress.pages_total = total;
    return progress;
}

TEST(HelperRelay, WarningsAreShownByXlAndDetailsByItsFirstV)
{
    EXPECT_EQ(xtl_level_of(SR_LOG_DEBUG), XtlLevel::debug);
    EXPECT_EQ(xtl_level_of(SR_LOG_VERBOSE), XtlLevel::verbose);
    EXPECT_EQ(xtl_level_of(SR_LOG_INFO), XtlLevel::detail);
    EXPECT_EQ(xtl_level_of(SR_LOG_WARNING), XtlLevel::warning);
    EXPECT_EQ(xtl_level_of(SR_LOG_ERROR), XtlLevel::error);
}

TEST(HelperRelay, ProgressComesOnceAPercent)
{
    ProgressThrottle throttle{false};
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 1000, 100'000)),
              progress_message("libsr", "Frames", 1000, 100'000));
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 1999, 100'000)), Octets{});
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 2000, 100'000)),
              progress_message("libsr", "Frames", 2000, 100'000));
    std::size_t nr_messages = 0;
    for (std::uint64_t done = 0; done <= 100'000; ++done) {
        nr_messages += throttle.next(at(SR_PHASE_MEMORY, done, 100'000)).empty() ? 0U : 1U;
    }
    EXPECT_EQ(nr_messages, 101U);
}

TEST(HelperRelay, ProgressNamesTheRound)
{
    ProgressThrottle throttle{false};
    EXPECT_EQ(throttle.next(at(SR_PHASE_LIVE, 5, 5, 0)),
              progress_message("libsr", "Frames, round 1", 5, 5));
    EXPECT_EQ(throttle.next(at(SR_PHASE_LIVE, 7, 7, 1)),
              progress_message("libsr", "Frames, round 2", 7, 7));
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 7, 7, 2)),
              progress_message("libsr", "Frames", 7, 7));
}

TEST(HelperRelay, ProgressNeedsATotal)
{
    ProgressThrottle throttle{true};
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 5, 0)), Octets{});
    EXPECT_EQ(throttle.next(at(SR_PHASE_SETUP, 5, 10)), Octets{});
    EXPECT_EQ(throttle.next(at(SR_PHASE_MEMORY, 5, 10)),
              progress_message("libsr", "Frames restored", 5, 10));
}

sr_precopy_stats after(std::uint32_t rounds, std::int64_t dirty)
{
    sr_precopy_stats stats{};
    stats.size = sizeof(stats);
    stats.iteration = rounds;
    stats.dirty_count = dirty;
    return stats;
}

TEST(HelperPolicy, IsTheStockOneWhereNothingIsSet)
{
    const Settings settings;
    EXPECT_EQ(decide_precopy(after(0, -1), settings), SR_PRECOPY_CONTINUE);
    EXPECT_EQ(decide_precopy(after(4, 50), settings), SR_PRECOPY_CONTINUE);
    EXPECT_EQ(decide_precopy(after(1, 49), settings), SR_PRECOPY_STOP);
    EXPECT_EQ(decide_precopy(after(1, 0), settings), SR_PRECOPY_STOP);
    EXPECT_EQ(decide_precopy(after(5, 1'000'000), settings), SR_PRECOPY_STOP);
}

TEST(HelperPolicy, GoesByWhatIsSet)
{
    Settings settings;
    settings.max_rounds = 2;
    settings.dirty_threshold = 1000;
    EXPECT_EQ(decide_precopy(after(1, 1000), settings), SR_PRECOPY_CONTINUE);
    EXPECT_EQ(decide_precopy(after(1, 999), settings), SR_PRECOPY_STOP);
    EXPECT_EQ(decide_precopy(after(2, -1), settings), SR_PRECOPY_STOP);
}

}  // namespace
}  // namespace sr
