// SPDX-License-Identifier: LGPL-2.1-or-later
// The stock rule, and the loop that asks it: against what xc_domain_save() does with the same numbers.
#include "libsr/save/precopy_loop.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sr {
namespace {

using enum PrecopyDecision;

TEST(StockPrecopyPolicy, StopsAtFewPagesOrManyRounds)
{
    const auto decide = [](std::uint32_t iteration, std::optional<std::uint64_t> dirty) {
        return stock_precopy_policy({.iteration = iteration, .dirty_count = dirty});
    };
    EXPECT_EQ(decide(0, 1'000'000), another_round);
    EXPECT_EQ(decide(0, 50), another_round);
    EXPECT_EQ(decide(0, 49), stop_guest);
    EXPECT_EQ(decide(0, 0), stop_guest);
    EXPECT_EQ(decide(1, std::nullopt), another_round) << "not known is not few";
    EXPECT_EQ(decide(4, 1'000'000), another_round);
    EXPECT_EQ(decide(5, 1'000'000), stop_guest);
    EXPECT_EQ(decide(5, std::nullopt), stop_guest);
}

/// Pages that become dirty as written here, round by round, and what was asked of them.
class ScriptedMemory final : public LiveMemory {
public:
    explicit ScriptedMemory(std::vector<std::uint64_t> dirty) : dirty_{std::move(dirty)} {}

    std::uint64_t send_round(std::uint32_t round) override
    {
        trace += "send" + std::to_string(round) + " ";
        return to_send_;
    }
    std::uint64_t fetch_dirty() override
    {
        trace += "fetch ";
        to_send_ = dirty_.at(nr_fetched_++);
        return to_send_;
    }

    std::string trace;

private:
    std::vector<std::uint64_t> dirty_;
    std::size_t nr_fetched_ = 0;
    std::uint64_t to_send_ = 1000;
};

std::string trace_of(std::vector<std::uint64_t> dirty)
{
    ScriptedMemory memory{std::move(dirty)};
    run_precopy(memory, stock_precopy_policy, 1000);
    return memory.trace;
}

TEST(PrecopyLoop, SendsAllThenWhatIsDirtyFourTimes)
{
    EXPECT_EQ(trace_of({900, 800, 700, 600}),
              "send0 fetch send1 fetch send2 fetch send3 fetch send4 ");
}

TEST(PrecopyLoop, SendsTheFewPagesThatMadeItStop)
{
    EXPECT_EQ(trace_of({900, 49}), "send0 fetch send1 fetch send2 ");
    EXPECT_EQ(trace_of({0}), "send0 fetch send1 ");
}

TEST(PrecopyLoop, SendsASmallGuestOnce)
{
    ScriptedMemory memory{{}};
    run_precopy(memory, stock_precopy_policy, 49);
    EXPECT_EQ(memory.trace, "send0 ");
}

TEST(PrecopyLoop, TellsThePolicyBeforeAndAfterEachRound)
{
    std::vector<PrecopyStats> told;
    ScriptedMemory memory{{70, 60}};
    run_precopy(
        memory,
        [&](const PrecopyStats& stats) {
            told.push_back(stats);
            return stats.iteration == 2 && stats.dirty_count ? stop_guest : another_round;
        },
        2000);
    ASSERT_EQ(told.size(), 5U);
    const auto expect = [&](std::size_t i, std::uint32_t iteration, std::uint64_t written,
                            std::optional<std::uint64_t> dirty) {
        EXPECT_EQ(told[i].iteration, iteration) << i;
        EXPECT_EQ(told[i].total_written, written) << i;
        EXPECT_EQ(told[i].dirty_count, dirty) << i;
    };
    expect(0, 0, 0, 2000);
    expect(1, 1, 1000, std::nullopt);
    expect(2, 1, 1000, 70);
    expect(3, 2, 1070, std::nullopt);
    expect(4, 2, 1070, 60);
    EXPECT_EQ(memory.trace, "send0 fetch send1 fetch send2 ");
}

TEST(PrecopyLoop, GivesUpWhereverThePolicySays)
{
    for (int nth = 0; nth < 4; ++nth) {
        ScriptedMemory memory{{900, 800}};
        int asked = 0;
        const auto policy = [&](const PrecopyStats&) {
            return asked++ == nth ? abort : another_round;
        };
        EXPECT_EQ(test::error_of([&] { run_precopy(memory, policy, 1000); }), Errc::callback);
        const char* const traces[] = {"", "send0 ", "send0 fetch ", "send0 fetch send1 "};
        EXPECT_EQ(memory.trace, traces[nth]);
    }
}

}  // namespace
}  // namespace sr
