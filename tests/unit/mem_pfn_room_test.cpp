// SPDX-License-Identifier: LGPL-2.1-or-later
// How many pfns a guest may claim.
#include "libsr/mem/pfn_room.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

constexpr std::uint64_t gib = (1U << 30) / 4096;

TEST(PfnRoom, IsThatOfLinuxForASmallGuest)
{
    EXPECT_GE(most_pfns(0), 512 * gib);
    EXPECT_EQ(most_pfns(gib), 512 * gib + 16 * gib);
}

TEST(PfnRoom, IsNeverMoreThanAStreamCanName)
{
    constexpr std::uint64_t all = std::uint64_t{1} << 32;
    EXPECT_EQ(most_pfns(16384 * gib), all);
    EXPECT_EQ(most_pfns(~std::uint64_t{0}), all) << "a domain without a limit";
    std::uint64_t before = 0;
    for (std::uint64_t pages = 1; pages < all * 2; pages *= 2) {
        EXPECT_GE(most_pfns(pages), before);
        EXPECT_LE(most_pfns(pages), all);
        before = most_pfns(pages);
    }
}

}  // namespace
}  // namespace sr
