// SPDX-License-Identifier: LGPL-2.1-or-later
// Sparse arrays: what was never stored, far indices, and the bounds of index and memory.
#include "libsr/base/sparse_array.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace sr {
namespace {

constexpr std::uint64_t absent = ~std::uint64_t{0};

template <typename Fn>
Errc error_of(Fn&& fn)
{
    try {
        fn();
    } catch (const Error& e) {
        return e.code();
    }
    return Errc::internal;
}

TEST(SparseArray, AnswersAbsentForWhatWasNeverStored)
{
    SparseArray<std::uint64_t> array{1U << 30, absent};
    EXPECT_EQ(array.find(0), absent);
    EXPECT_EQ(array.find(1U << 30), absent);
    array.set(1000, 7);
    EXPECT_EQ(array.find(999), absent);
    EXPECT_EQ(array.find(1000), 7U);
    EXPECT_EQ(array.find(1001), absent);
    EXPECT_EQ(array.find(1000 + 512), absent);
}

TEST(SparseArray, ReplacesOnlyNearWhatWasStored)
{
    SparseArray<std::uint64_t> array{1U << 30, absent};
    array.set(1000, 7);
    array.replace(1000, 8);
    array.replace(5000, 9);
    EXPECT_EQ(array.find(1000), 8U);
    EXPECT_EQ(array.find(5000), absent);
}

TEST(SparseArray, EraseMakesAbsentAgain)
{
    SparseArray<std::uint64_t> array{100, absent};
    array.erase(5);
    array.set(5, 6);
    array.erase(5);
    EXPECT_EQ(array.find(5), absent);
}

TEST(SparseArray, VisitsWhatIsStoredInOrder)
{
    using Entry = std::pair<std::uint64_t, unsigned>;
    SparseArray<unsigned> array{SparseArray<unsigned>::index_limit};
    const std::vector<Entry> wanted{{0, 1},        {511, 2},
                                    {512, 3},      {(1U << 21) - 1, 4},
                                    {1U << 21, 5}, {std::uint64_t{1} << 33, 6}};
    for (auto entry = wanted.rbegin(); entry != wanted.rend(); ++entry) {
        array.set(entry->first, entry->second);
    }
    std::vector<Entry> found;
    array.for_each([&](std::uint64_t index, unsigned value) { found.emplace_back(index, value); });
    EXPECT_EQ(found, wanted);
    for (const Entry& entry : wanted) {
        EXPECT_EQ(array.find(entry.first), entry.second);
    }
}

TEST(SparseArray, RefusesAnIndexPastTheHighest)
{
    SparseArray<std::uint64_t> array{99, absent};
    array.set(99, 1);
    EXPECT_EQ(error_of([&] { array.set(100, 1); }), Errc::limit);
    EXPECT_EQ(error_of([&] { array.set(absent, 1); }), Errc::limit);
    EXPECT_EQ(array.find(100), absent);
    EXPECT_EQ(array.find(absent), absent);
    array.erase(absent);
}

TEST(SparseArray, RefusesAHighestNoFrameNumberReaches)
{
    EXPECT_EQ(error_of([] { SparseArray<int> array{std::uint64_t{1} << 40}; }), Errc::limit);
}

TEST(SparseArray, HighestIndexOfAllCostsMegabytesNotTerabytes)
{
    SparseArray<std::uint64_t> array{SparseArray<std::uint64_t>::index_limit, absent};
    array.set(SparseArray<std::uint64_t>::index_limit, 1);
    EXPECT_LE(array.octets_used(), 5U << 20);
    EXPECT_EQ(array.find(SparseArray<std::uint64_t>::index_limit), 1U);
}

TEST(SparseArray, StopsAtItsMemoryBound)
{
    SparseArray<std::uint64_t> array{1U << 30, absent, 64U << 10};
    std::uint64_t stored = 0;
    const Errc stopped = error_of([&] {
        for (; stored < 100; ++stored) {
            array.set(stored * 512, stored);
        }
    });
    EXPECT_EQ(stopped, Errc::limit);
    EXPECT_LE(array.octets_used(), 64U << 10);
    EXPECT_EQ(stored, 7U) << "a directory of 32 KiB and 4 KiB a chunk";
    EXPECT_EQ(array.find(stored * 512), absent);
    array.set(5, 5);  // room in a chunk that exists
    EXPECT_EQ(array.find(5), 5U);
}

}  // namespace
}  // namespace sr
