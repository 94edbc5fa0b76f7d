// SPDX-License-Identifier: LGPL-2.1-or-later
// Page types: one row of a table for each of the sixteen wire values.
#include "libsr/mem/page_type.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <string>

namespace sr {
namespace {

struct Row {
    unsigned wire;
    bool exists;
    bool contents;
    bool frame;
    bool pinned;
    unsigned level;
    const char* name;
};

// libxc-migration-stream.pandoc, "PAGE_DATA", types of pfn.
constexpr Row rows[] = {
    {0x0, true, true, true, false, 0, "NOTAB"},
    {0x1, true, true, true, false, 1, "L1TAB"},
    {0x2, true, true, true, false, 2, "L2TAB"},
    {0x3, true, true, true, false, 3, "L3TAB"},
    {0x4, true, true, true, false, 4, "L4TAB"},
    {0x5, false, false, false, false, 0, ""},
    {0x6, false, false, false, false, 0, ""},
    {0x7, false, false, false, false, 0, ""},
    {0x8, false, false, false, false, 0, ""},
    {0x9, true, true, true, true, 1, "L1TAB pinned"},
    {0xa, true, true, true, true, 2, "L2TAB pinned"},
    {0xb, true, true, true, true, 3, "L3TAB pinned"},
    {0xc, true, true, true, true, 4, "L4TAB pinned"},
    {0xd, true, false, false, false, 0, "BROKEN"},
    {0xe, true, false, true, false, 0, "XALLOC"},
    {0xf, true, false, false, false, 0, "XTAB"},
};

TEST(PageType, EachWireValueMeansWhatTheSpecificationSays)
{
    for (const Row& row : rows) {
        SCOPED_TRACE(row.wire);
        const auto type = page_type_from_wire(row.wire);
        ASSERT_EQ(type.has_value(), row.exists);
        if (type) {
            EXPECT_EQ(to_wire(*type), row.wire);
            EXPECT_EQ(has_contents(*type), row.contents);
            EXPECT_EQ(needs_frame(*type), row.frame);
            EXPECT_EQ(is_pinned(*type), row.pinned);
            EXPECT_EQ(table_level(*type), row.level);
            EXPECT_EQ(is_table(*type), row.level != 0);
            EXPECT_STREQ(to_string(*type), row.name);
        }
    }
}

TEST(PageType, WithoutPinKeepsTheLevel)
{
    for (const PageType type : all_page_types) {
        const PageType unpinned = without_pin(type);
        EXPECT_FALSE(is_pinned(unpinned));
        EXPECT_EQ(table_level(unpinned), table_level(type));
        if (!is_pinned(type)) {
            EXPECT_EQ(unpinned, type);
        }
    }
    EXPECT_EQ(without_pin(PageType::l4_pinned), PageType::l4);
}

TEST(PageType, RefusesWhatDoesNotFitFourBits)
{
    EXPECT_EQ(page_type_from_wire(0x10), std::nullopt);
    EXPECT_EQ(page_type_from_wire(~0U), std::nullopt);
}

TEST(PageType, AllIsComplete)
{
    const std::set<PageType> all(std::begin(all_page_types), std::end(all_page_types));
    EXPECT_EQ(all.size(), 12U);
    EXPECT_EQ(std::size(all_page_types), all.size());
}

}  // namespace
}  // namespace sr
