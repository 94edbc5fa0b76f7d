// SPDX-License-Identifier: LGPL-2.1-or-later
// Sizes, counts, times and ranges as xsr reads and writes them.
#include "tests/support/error_of.hpp"
#include "tools/xsr/pfn_ranges.hpp"
#include "tools/xsr/units.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using namespace std::chrono_literals;
using test::error_of;

TEST(MemorySize, TakesUnits)
{
    EXPECT_EQ(parse_memory_kib("512"), 512U * 1024);
    EXPECT_EQ(parse_memory_kib("512M"), 512U * 1024);
    EXPECT_EQ(parse_memory_kib("512MiB"), 512U * 1024);
    EXPECT_EQ(parse_memory_kib("524288k"), 524288U);
    EXPECT_EQ(parse_memory_kib("2G"), 2U * 1024 * 1024);
    EXPECT_EQ(parse_memory_kib("1t"), 1024U * 1024 * 1024);
}

TEST(MemorySize, RefusesTheRest)
{
    for (const char* text : {"", "M", "0", "-1", "1.5G", "12 M", "7X", "99999999999999999999",
                             "18446744073709551615G"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(error_of([&] { (void)parse_memory_kib(text); }), Errc::usage);
    }
}

TEST(Number, IsDecimalOrHexadecimal)
{
    EXPECT_EQ(parse_number("4096", "pfn"), 4096U);
    EXPECT_EQ(parse_number("0x1000", "pfn"), 4096U);
    for (const char* text : {"", "0x", "x", "12z", "-1", "0x1ffffffffffffffff"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(error_of([&] { (void)parse_number(text, "pfn"); }), Errc::usage);
    }
}

TEST(Format, CountsWithCommas)
{
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1000), "1,000");
    EXPECT_EQ(format_count(25226866), "25,226,866");
    EXPECT_EQ(format_count(1, "page"), "1 page");
    EXPECT_EQ(format_count(2, "page"), "2 pages");
}

TEST(Format, Octets)
{
    EXPECT_EQ(format_octets(0), "0 octets");
    EXPECT_EQ(format_octets(1023), "1023 octets");
    EXPECT_EQ(format_octets(1536), "1.5 KiB");
    EXPECT_EQ(format_octets(25226866), "24.1 MiB");
    EXPECT_EQ(format_octets(812ULL << 20U), "812 MiB");
    EXPECT_EQ(format_octets(~0ULL), "16.0 EiB");
}

TEST(Format, Durations)
{
    EXPECT_EQ(format_duration(310ms), "0.31 s");
    EXPECT_EQ(format_duration(12s), "12 s");
    EXPECT_EQ(format_duration(247s), "4:07 min");
    EXPECT_EQ(format_duration(3723s), "1:02:03 h");
}

TEST(PfnRanges, JoinsNeighbours)
{
    PfnRanges ranges;
    for (const std::uint64_t pfn : {1U, 2U, 3U, 7U, 9U, 10U}) {
        ranges.add(pfn);
    }
    EXPECT_EQ(ranges.count(), 6U);
    EXPECT_EQ(ranges.text(9), "0x1..0x3, 0x7, 0x9..0xa");
    EXPECT_EQ(ranges.text(2), "0x1..0x3, 0x7 and 2 more");
}

TEST(PfnRanges, StaysSmallAndCountsOn)
{
    PfnRanges ranges;
    for (std::uint64_t pfn = 0; pfn < 300'000; ++pfn) {
        ranges.add(pfn * 2);
    }
    EXPECT_EQ(ranges.count(), 300'000U);
    const Json document = ranges.json();
    EXPECT_EQ(document["ranges"].size(), 100'000U);
    EXPECT_TRUE(document["truncated"]);
}

}  // namespace
}  // namespace sr
