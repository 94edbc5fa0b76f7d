// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of a grant table, written octet by octet, as entries.
#include "libsr/base/bytes.hpp"
#include "libsr/mem/grant_entry.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace sr {
namespace {

constexpr std::size_t statuses_length = 2 * grants_per_frame(GrantVersion::v2);

struct Table {
    Octets frame{page_size};
    Octets status{statuses_length};

    void put(std::size_t at, std::initializer_list<unsigned> octets)
    {
        for (const unsigned octet : octets) {
            frame.at(at++) = static_cast<std::byte>(octet);
        }
    }

    [[nodiscard]] std::vector<GrantEntry> decode(GrantVersion version, bool with_status = false,
                                                 std::uint32_t first_ref = 0) const
    {
        std::vector<GrantEntry> entries;
        decode_grant_frame(version, std::span{frame}.first<page_size>(),
                           with_status ? std::span{status} : std::span<const std::byte>{},
                           first_ref, entries);
        return entries;
    }
};

TEST(GrantEntry, Version1IsEightOctets)
{
    Table table;
    table.put(0, {0x19, 0x00, 0x02, 0x00, 0x78, 0x56, 0x34, 0x12});
    table.put(4088, {0x05, 0x00, 0xf0, 0x7f, 0xff, 0xff, 0xff, 0xff});
    const auto entries = table.decode(GrantVersion::v1, false, 512);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].ref, 512U);
    EXPECT_EQ(entries[0].kind(), GrantKind::permit_access);
    EXPECT_EQ(entries[0].domid, 2U);
    EXPECT_EQ(entries[0].frame, Gfn{0x1234'5678});
    EXPECT_FALSE(entries[0].read_only());
    EXPECT_TRUE(entries[0].reading());
    EXPECT_TRUE(entries[0].writing());
    EXPECT_EQ(entries[0].status, 0U);
    EXPECT_EQ(entries[1].ref, 1023U);
    EXPECT_EQ(entries[1].domid, 0x7ff0U);
    EXPECT_EQ(entries[1].frame, Gfn{0xffff'ffff});
    EXPECT_TRUE(entries[1].read_only());
    EXPECT_FALSE(entries[1].reading());
}

TEST(GrantEntry, Version1HasNeitherPartsNorSources)
{
    Table table;
    table.put(8, {0x01, 0x01, 0x02, 0x00, 0x11, 0x00, 0x00, 0x00});  // GTF_sub_page
    table.put(16, {0x03, 0x00, 0x02, 0x00, 0x11, 0x00, 0x00, 0x00});
    const auto entries = table.decode(GrantVersion::v1);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].frame, Gfn{0x11});
    EXPECT_FALSE(entries[0].sub_page);
    EXPECT_EQ(entries[1].kind(), GrantKind::transitive);
    EXPECT_FALSE(entries[1].frame || entries[1].source);
}

TEST(GrantEntry, Version2IsSixteenOctets)
{
    Table table;
    table.put(0, {0x05, 0x00, 0x01, 0x00, 0xee, 0xee, 0xee, 0xee,  // a full page; padding
                  0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01});
    table.put(16, {0x01, 0x01, 0x01, 0x00, 0x00, 0x02, 0x80, 0x00,  // a part of one
                   0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00});
    table.put(4080, {0x03, 0x00, 0x01, 0x00, 0x05, 0x00, 0xee, 0xee,  // domain 5's
                     0x04, 0x03, 0x02, 0x01, 0xee, 0xee, 0xee, 0xee});
    const auto entries = table.decode(GrantVersion::v2, false, 256);
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].ref, 256U);
    EXPECT_EQ(entries[0].frame, Gfn{0x0102'0304'0506'0708});
    EXPECT_TRUE(entries[0].read_only());
    EXPECT_FALSE(entries[0].sub_page || entries[0].source);
    EXPECT_EQ(entries[1].frame, Gfn{12});
    EXPECT_EQ(entries[1].sub_page, (GrantEntry::SubPage{0x200, 0x80}));
    EXPECT_EQ(entries[2].ref, 511U);
    EXPECT_EQ(entries[2].source, (GrantEntry::Source{5, 0x0102'0304}));
    EXPECT_FALSE(entries[2].frame || entries[2].sub_page);
}

TEST(GrantEntry, Version2HasItsStatusElsewhere)
{
    Table table;
    table.put(0, {0x01, 0x00, 0x01, 0x00});
    table.status[0] = std::byte{0xff};  // entry 0: more bits than there are
    table.status[1] = std::byte{0xff};
    table.status[2] = std::byte{0x08};    // entry 1: revoked, and still mapped for reading
    table.status[511] = std::byte{0x18};  // entry 255: in a half that means nothing
    const auto entries = table.decode(GrantVersion::v2, true);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].status, 0x18U);
    EXPECT_TRUE(entries[0].reading() && entries[0].writing());
    EXPECT_EQ(entries[1].ref, 1U);
    EXPECT_EQ(entries[1].kind(), GrantKind::invalid);
    EXPECT_TRUE(entries[1].reading());
    EXPECT_FALSE(entries[1].writing());
    EXPECT_EQ(table.decode(GrantVersion::v2, false).size(), 1U);
}

/// The guest may have left them there, as version 1 has them: Xen writes status frames only.
TEST(GrantEntry, UseIsInTheFlagsOfVersion1Only)
{
    Table table;
    table.put(0, {0x19, 0x00, 0x01, 0x00});
    for (const bool with_status : {false, true}) {
        const auto entries = table.decode(GrantVersion::v2, with_status);
        ASSERT_EQ(entries.size(), 1U);
        EXPECT_EQ(entries[0].flags, 0x19U);
        EXPECT_FALSE(entries[0].reading() || entries[0].writing());
    }
    EXPECT_TRUE(table.decode(GrantVersion::v1).at(0).writing());
}

TEST(GrantEntry, TransfersHaveFlagsOfTheirOwn)
{
    Table table;
    table.put(0, {0x0e, 0x00, 0x01, 0x00, 0x10, 0x00, 0x00, 0x00});
    const auto entries = table.decode(GrantVersion::v1);
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].kind(), GrantKind::accept_transfer);
    EXPECT_EQ(entries[0].frame, Gfn{16});
    EXPECT_FALSE(entries[0].read_only() || entries[0].reading());
}

TEST(GrantEntry, WhatIsLeftOfAGrantIsNone)
{
    Table table;
    table.put(0, {0x00, 0x00, 0x01, 0x00, 0x10, 0x00, 0x00, 0x00});
    EXPECT_TRUE(table.decode(GrantVersion::v1).empty());
    EXPECT_TRUE(table.decode(GrantVersion::v2, true).empty());
}

TEST(GrantEntry, AnyOctetsAreATable)
{
    Table table;
    table.frame.assign(page_size, std::byte{0xff});
    EXPECT_EQ(table.decode(GrantVersion::v1).size(), 512U);
    const auto entries = table.decode(GrantVersion::v2, true, 0xffff'ff00);
    ASSERT_EQ(entries.size(), 256U);
    EXPECT_EQ(entries[255].ref, 0xffff'ffffU);
    EXPECT_EQ(entries[255].flags, 0xffffU);
}

TEST(GrantEntry, StatusFramesFollowTheTable)
{
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v1, 64), 0U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 0), 0U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 1), 1U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 8), 1U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 9), 2U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 64), 8U);
    EXPECT_EQ(nr_grant_status_frames(GrantVersion::v2, 0xffff'ffff), 0x2000'0000U);
}

TEST(GrantEntry, KeepsAllButTheFrame)
{
    GrantEntry entry{.version = GrantVersion::v2,
                     .ref = 1,
                     .flags = 0x101,
                     .domid = 3,
                     .status = 8,
                     .frame = Gfn{7}};
    entry.sub_page = {1, 2};
    entry.source = {4, 5};
    StreamGrantEntry expected{.version = GrantVersion::v2,
                              .ref = 1,
                              .flags = 0x101,
                              .domid = 3,
                              .status = 8,
                              .frame = Pfn{9}};
    expected.sub_page = {1, 2};
    expected.source = {4, 5};
    EXPECT_EQ(with_frame(entry, std::optional{Pfn{9}}), expected);
}

}  // namespace
}  // namespace sr
