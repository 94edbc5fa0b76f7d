// SPDX-License-Identifier: LGPL-2.1-or-later
// Bitmaps: sizes that are no multiple of a word, scans that skip, raw words with rubbish past the
// end.
#include "libsr/base/bitmap.hpp"
#include "libsr/base/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace sr {
namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

std::vector<std::uint64_t> members(const Bitmap& bitmap)
{
    std::vector<std::uint64_t> found;
    bitmap.for_each_set([&](std::uint64_t index) { found.push_back(index); });
    return found;
}

TEST(Bitmap, StartsEmpty)
{
    const Bitmap bitmap{130};
    EXPECT_EQ(bitmap.size(), 130U);
    EXPECT_EQ(bitmap.words().size(), 3U);
    EXPECT_EQ(bitmap.count(), 0U);
    EXPECT_FALSE(bitmap.any());
    EXPECT_EQ(members(bitmap), std::vector<std::uint64_t>{});
}

TEST(Bitmap, SetsAndClearsOneBit)
{
    Bitmap bitmap{130};
    for (const std::uint64_t index : {0U, 63U, 64U, 127U, 128U, 129U}) {
        bitmap.set(index);
        EXPECT_TRUE(bitmap.test(index));
        EXPECT_EQ(members(bitmap), std::vector<std::uint64_t>{index});
        bitmap.clear(index);
        EXPECT_FALSE(bitmap.any());
    }
}

TEST(Bitmap, FillStopsAtTheSize)
{
    Bitmap bitmap{70};
    bitmap.fill(true);
    EXPECT_EQ(bitmap.count(), 70U);
    EXPECT_EQ(bitmap.words()[1], 0x3fU);
    bitmap.fill(false);
    EXPECT_FALSE(bitmap.any());
}

TEST(Bitmap, FillOfWholeWordsLeavesNoneOut)
{
    Bitmap bitmap{128};
    bitmap.fill(true);
    EXPECT_EQ(bitmap.count(), 128U);
    EXPECT_EQ(bitmap.words()[1], all_ones);
}

TEST(Bitmap, VisitsMembersInOrderAcrossZeroWords)
{
    Bitmap bitmap{1000};
    const std::vector<std::uint64_t> wanted{0, 1, 63, 64, 700, 999};
    for (const std::uint64_t index : wanted) {
        bitmap.set(index);
    }
    EXPECT_EQ(members(bitmap), wanted);
    EXPECT_EQ(bitmap.count(), wanted.size());
}

TEST(Bitmap, ScanCanBeTakenUpAnywhere)
{
    Bitmap bitmap{300};
    bitmap.set(5);
    bitmap.set(64);
    bitmap.set(299);
    EXPECT_EQ(bitmap.next_set(0), 5U);
    EXPECT_EQ(bitmap.next_set(5), 5U);
    EXPECT_EQ(bitmap.next_set(6), 64U);
    EXPECT_EQ(bitmap.next_set(65), 299U);
    EXPECT_EQ(bitmap.next_set(299), 299U);
    EXPECT_EQ(bitmap.next_set(300), std::nullopt);
    EXPECT_EQ(bitmap.next_set(all_ones), std::nullopt);
}

TEST(Bitmap, OrWithDropsRawBitsPastTheSize)
{
    Bitmap bitmap{66};
    bitmap.set(3);
    const std::array<std::uint64_t, 3> raw{0x1, all_ones, all_ones};
    bitmap.or_with(raw);
    EXPECT_EQ(bitmap.words()[1], 0x3U);
    EXPECT_EQ(members(bitmap), (std::vector<std::uint64_t>{0, 3, 64, 65}));
}

TEST(Bitmap, AssignForgetsWhatWasThere)
{
    Bitmap bitmap{66};
    bitmap.set(3);
    const std::array<std::uint64_t, 2> raw{0x1, all_ones};
    bitmap.assign(raw);
    EXPECT_EQ(bitmap.words()[1], 0x3U);
    EXPECT_EQ(members(bitmap), (std::vector<std::uint64_t>{0, 64, 65}));
}

TEST(Bitmap, AndNotRemoves)
{
    Bitmap bitmap{66};
    bitmap.fill(true);
    Bitmap remove{66};
    remove.fill(true);
    remove.clear(65);
    bitmap.and_not(remove);
    EXPECT_EQ(members(bitmap), std::vector<std::uint64_t>{65});
}

TEST(Bitmap, OfNoBitsHasNoMembers)
{
    Bitmap bitmap{0};
    bitmap.fill(true);
    EXPECT_EQ(bitmap.count(), 0U);
    EXPECT_EQ(bitmap.next_set(0), std::nullopt);
}

TEST(Bitmap, RefusesASizeNoDomainHas)
{
    try {
        const Bitmap bitmap{Bitmap::max_bits + 1};
        FAIL() << bitmap.size();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Errc::limit);
    }
}

TEST(RawWords, ScanAndCountIgnoreBitsPastTheEnd)
{
    const std::array<std::uint64_t, 2> raw{0, all_ones};
    EXPECT_EQ(count_set_bits(raw, 67), 3U);
    EXPECT_EQ(count_set_bits(raw, 128), 64U);
    EXPECT_EQ(count_set_bits(raw, 64), 0U);
    EXPECT_EQ(next_set_bit(raw, 64, 0), std::nullopt);
    EXPECT_EQ(next_set_bit(raw, 65, 0), 64U);
    const std::array<std::uint64_t, 1> high{std::uint64_t{1} << 40};
    EXPECT_EQ(next_set_bit(high, 40, 0), std::nullopt);
    std::vector<std::uint64_t> found;
    for_each_set_bit(raw, 66, [&](std::uint64_t index) { found.push_back(index); });
    EXPECT_EQ(found, (std::vector<std::uint64_t>{64, 65}));
}

}  // namespace
}  // namespace sr
