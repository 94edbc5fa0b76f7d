// SPDX-License-Identifier: LGPL-2.1-or-later
// The order in which a fake host hands out its frames.
#include "tests/fakexen/host/free_frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace fakexen {
namespace {

std::vector<std::uint64_t> take_all(FreeFrames& free)
{
    std::vector<std::uint64_t> taken;
    while (const auto index = free.take()) {
        taken.push_back(*index);
    }
    return taken;
}

void expect_runs_of(std::uint64_t run, const std::vector<std::uint64_t>& taken)
{
    for (std::size_t i = 0; i < taken.size(); ++i) {
        if (taken[i] % run != 0) {
            EXPECT_EQ(taken[i], taken[i - 1] + 1);
        }
    }
}

TEST(FreeFrames, AreEachHandedOutOnce)
{
    for (const std::uint64_t run : {1U, 7U, 64U, 1000U}) {
        SCOPED_TRACE(run);
        FreeFrames free{1000, run, 3};
        const auto taken = take_all(free);
        EXPECT_EQ(std::set<std::uint64_t>(taken.begin(), taken.end()).size(), 1000U);
        EXPECT_EQ(*std::max_element(taken.begin(), taken.end()), 999U);
        EXPECT_EQ(free.count(), 0U);
    }
}

TEST(FreeFrames, StayInRunsAfterTheyWereGivenBack)
{
    FreeFrames free{1024, 64, 5};
    const auto first = take_all(free);
    expect_runs_of(64, first);
    for (const std::uint64_t index : first) {
        free.give_back(index);
    }
    EXPECT_EQ(free.count(), 1024U);
    expect_runs_of(64, take_all(free));
}

TEST(FreeFrames, AreShuffledBySeed)
{
    FreeFrames one{4096, 1, 1};
    FreeFrames same{4096, 1, 1};
    FreeFrames other{4096, 1, 2};
    const auto order = take_all(one);
    EXPECT_EQ(order, take_all(same));
    EXPECT_NE(order, take_all(other));
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST(FreeFrames, ExtentsAreAlignedAndInOneRun)
{
    FreeFrames free{1024 + 16, 64, 7};
    EXPECT_EQ(free.take_extent(128), std::nullopt) << "more than stays together";
    std::vector<bool> taken(1024 + 16);
    std::uint64_t nr_extents = 0;
    for (auto first = free.take_extent(32); first; first = free.take_extent(32)) {
        ++nr_extents;
        EXPECT_EQ(*first % 32, 0U);
        for (std::uint64_t index = *first; index < *first + 32; ++index) {
            EXPECT_FALSE(taken.at(index));
            taken.at(index) = true;
        }
    }
    EXPECT_EQ(nr_extents, 32U);
    EXPECT_EQ(free.count(), 16U) << "the short last run has no room for one";
    free.give_back(5);
    EXPECT_EQ(free.take_extent(2), std::optional<std::uint64_t>{1024});
    for (std::uint64_t index = 32; index < 64; ++index) {
        free.give_back(index);
    }
    EXPECT_EQ(free.take_extent(32), std::optional<std::uint64_t>{32});
}

}  // namespace
}  // namespace fakexen
