// SPDX-License-Identifier: LGPL-2.1-or-later
// Types, names and ranges of records.
#include "libsr/wire/record_type.hpp"
#include "libsr/wire/records.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <cctype>

namespace sr {
namespace {

TEST(RecordType, EveryGoldenFileNamesItsType)
{
    for (std::uint32_t index = 0; index < nr_known_types; ++index) {
        const std::uint32_t value = to_wire(record_type_at(index));
        std::string file = name_of(value);
        for (char& c : file) {
            c = static_cast<char>(std::tolower(c));
        }
        SCOPED_TRACE(file);
        const Octets record = test::golden(file + ".hex");
        EXPECT_EQ(load<RecordHeader>(record, 0).type.value(), value);
        EXPECT_EQ(to_wire(*record_type_from_wire(value)), value);
        EXPECT_EQ(index_of(record_type_at(index)), index);
    }
}

TEST(RecordType, KnowsNoOthers)
{
    for (const std::uint32_t value : {0x13U, 0x5352'0001U, 0x7fff'ffffU, 0x8000'0000U, 0x8000'0001U,
                                      0xd352'0000U, 0xd352'0003U, 0xffff'ffffU}) {
        EXPECT_STREQ(name_of(value), "unknown");
        EXPECT_FALSE(record_type_from_wire(value));
    }
}

TEST(RecordType, Ranges)
{
    EXPECT_FALSE(is_optional(0x5352'0001));
    EXPECT_TRUE(is_extension(0x5352'0001));
    EXPECT_TRUE(is_optional(0xd352'0001));
    EXPECT_TRUE(is_extension(0xd352'ffff));
    EXPECT_FALSE(is_extension(0x5353'0000));
    EXPECT_FALSE(is_extension(1));
    EXPECT_TRUE(is_optional(to_wire(RecordType::grant_table_info)));
    EXPECT_TRUE(is_extension(to_wire(RecordType::grant_table_entries)));
}

TEST(RecordPadding, FillsUpToEight)
{
    EXPECT_EQ(padding_of(0), 0U);
    EXPECT_EQ(padding_of(1), 7U);
    EXPECT_EQ(padding_of(7), 1U);
    EXPECT_EQ(padding_of(8), 0U);
    EXPECT_EQ(padding_of(0xffff'ffff), 1U);
}

}  // namespace
}  // namespace sr
