// SPDX-License-Identifier: LGPL-2.1-or-later
// Entries of grant tables as xsr lays them out.
#include "tools/xsr/grant_view.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using namespace grant_flag;

constexpr auto access_flags = static_cast<std::uint16_t>(GrantKind::permit_access);
constexpr auto transfer_flags = static_cast<std::uint16_t>(GrantKind::accept_transfer);
constexpr auto transitive_flags = static_cast<std::uint16_t>(GrantKind::transitive);

ShownGrant granted(std::uint32_t ref, unsigned flags, std::optional<std::uint64_t> frame)
{
    ShownGrant grant;
    grant.ref = ref;
    grant.flags = static_cast<std::uint16_t>(flags);
    grant.domid = 3;
    if (frame) {
        grant.frame = ShownFrame{.pfn = Pfn{*frame}, .mfn = std::nullopt};
    }
    return grant;
}

/// The columns of a line, which two blanks at least keep apart.
std::vector<std::string> columns(const ShownGrant& grant, const GrantStyle& style = {})
{
    const std::string line = grant_line(grant, style);
    EXPECT_TRUE(line.ends_with('\n')) << line;
    EXPECT_EQ(line.find(" \n"), std::string::npos) << line;
    std::vector<std::string> cells;
    for (std::size_t at = line.find_first_not_of(' '); at < line.size() - 1;) {
        const std::size_t end = std::min(line.find("  ", at), line.size() - 1);
        cells.push_back(line.substr(at, end - at));
        at = std::min(line.find_first_not_of(' ', end), line.size() - 1);
    }
    return cells;
}

using Cells = std::vector<std::string>;

TEST(GrantView, TellsRightsAndUse)
{
    EXPECT_EQ(columns(granted(8, access_flags, 0x120)),
              (Cells{"8", "3", "pfn 0x120", "read, write", "-"}));
    EXPECT_EQ(columns(granted(8, access_flags | read_only | reading, 0x120)),
              (Cells{"8", "3", "pfn 0x120", "read", "reading"}));
    EXPECT_EQ(columns(granted(8, access_flags | status_mask, 0x120)),
              (Cells{"8", "3", "pfn 0x120", "read, write", "reading, writing"}));
}

TEST(GrantView, TakesUseFromTheStatusOfVersion2)
{
    ShownGrant grant = granted(9, access_flags, 1);
    grant.version = GrantVersion::v2;
    grant.status = writing;
    EXPECT_EQ(columns(grant).at(4), "writing");
    EXPECT_TRUE(is_in_use(grant));
    grant.flags = 0;
    EXPECT_EQ(columns(grant), (Cells{"9", "3", "-", "none", "writing", "revoked"}));
    grant.flags = 0x40;  // no kind, and something else
    grant.status = 0;
    EXPECT_EQ(columns(grant), (Cells{"9", "3", "-", "none", "-", "not in force, flags 0x40"}));
}

TEST(GrantView, TakesNoUseFromTheFlagsOfVersion2)
{
    ShownGrant grant = granted(9, access_flags | status_mask, 1);
    grant.version = GrantVersion::v2;
    EXPECT_EQ(columns(grant), (Cells{"9", "3", "pfn 0x1", "read, write", "-", "flags 0x18"}));
    EXPECT_FALSE(is_in_use(grant));
    EXPECT_EQ(grant_json(grant, {})["reading"], false);
}

TEST(GrantView, SaysThatUseIsNotKnown)
{
    const GrantStyle running{.name_of = {}, .is_use_known = false};
    ShownGrant grant = granted(9, access_flags, 1);
    grant.version = GrantVersion::v2;
    EXPECT_EQ(columns(grant, running).at(4), "not known");
    EXPECT_EQ(columns(granted(9, transfer_flags, {}), running).at(4), "awaited");
    const Json members = grant_json(grant, running);
    EXPECT_FALSE(members.contains("reading") || members.contains("writing"));
    const GrantList list{
        .nr_entries = 1, .entry = [&](std::size_t) { return grant; }, .style = running};
    EXPECT_EQ(grants_count_text(list), "1 grant, use not known while it runs");
}

TEST(GrantView, NamesDomainsAndTheReservedEntries)
{
    const GrantStyle live{.name_of = [](std::uint32_t domid) {
        return domid == 3 ? std::string{"peer"} : std::string{};
    }};
    EXPECT_EQ(columns(granted(0, access_flags, 0x7), live),
              (Cells{"0", "3 (peer)", "pfn 0x7", "read, write", "-", "console"}));
    EXPECT_EQ(columns(granted(1, access_flags, 0x7)).back(), "xenstore");
    ShownGrant other = granted(2, access_flags, 0x7);
    other.domid = 4;
    EXPECT_EQ(columns(other, live), (Cells{"2", "4", "pfn 0x7", "read, write", "-"}));
}

TEST(GrantView, NamesFramesOfALiveDomainBothWays)
{
    ShownGrant grant = granted(9, access_flags, 0x7);
    grant.frame->mfn = Mfn{0x12345};
    EXPECT_EQ(columns(grant).at(2), "pfn 0x7 (mfn 0x12345)");
    EXPECT_EQ(grant_json(grant, {})["pfn"], 7);
    EXPECT_EQ(grant_json(grant, {})["mfn"], 0x12345);
    grant.frame->pfn.reset();
    EXPECT_EQ(columns(grant).at(2), "mfn 0x12345, not its own");
    EXPECT_FALSE(grant_json(grant, {}).contains("pfn"));
}

TEST(GrantView, TellsPartsOfPages)
{
    ShownGrant grant = granted(9, access_flags | sub_page, 0xd);
    grant.sub_page = {512, 128};
    EXPECT_EQ(columns(grant).at(2), "pfn 0xd octets 512..639");
    grant.sub_page = {4095, 1};
    EXPECT_EQ(columns(grant).at(2), "pfn 0xd octets 4095..4095");
    grant.sub_page = {0xffff, 0xffff};  // what a guest wrote, not what Xen would let pass
    EXPECT_EQ(columns(grant).at(2), "pfn 0xd octets 65535..131069");
    grant.sub_page = {512, 0};
    EXPECT_EQ(columns(grant).at(2), "pfn 0xd no octets");
}

TEST(GrantView, TellsTransfers)
{
    EXPECT_EQ(columns(granted(9, transfer_flags, 0xd)),
              (Cells{"9", "3", "-", "give a page", "awaited"}));
    EXPECT_EQ(columns(granted(9, transfer_flags | transfer_committed, 0xd)).at(4), "committed");
    EXPECT_EQ(columns(granted(9, transfer_flags | transfer_completed, 0xd)),
              (Cells{"9", "3", "pfn 0xd", "give a page", "completed"}));
    EXPECT_FALSE(is_in_use(granted(9, transfer_flags | transfer_completed, {})));
}

TEST(GrantView, TellsWhatIsPassedOn)
{
    ShownGrant grant = granted(9, transitive_flags | read_only, {});
    grant.source = {7, 4294967295U};
    EXPECT_EQ(columns(grant), (Cells{"9", "3", "ref 4294967295 of domain 7", "read", "-"}));
    // Version 1 has no such thing: a guest may write the flags all the same.
    EXPECT_EQ(columns(granted(9, transitive_flags, {})).at(2), "-");
}

TEST(GrantView, NotesCachingAndUnknownFlags)
{
    EXPECT_EQ(columns(granted(9, access_flags | 0xe0, 1)).back(), "PWT, PCD, PAT");
    EXPECT_EQ(columns(granted(9, access_flags | 0x8000, 1)).back(), "flags 0x8000");
    EXPECT_EQ(columns(granted(9, access_flags | sub_page, 1)).back(), "flags 0x100");  // version 1
    EXPECT_EQ(columns(granted(1, access_flags | 0x20, 1)).back(), "xenstore, PWT");
}

TEST(GrantView, SaysThatAPageIsNotTheGuests)
{
    EXPECT_EQ(columns(granted(9, access_flags, {})).at(2), "not the guest's");
    EXPECT_FALSE(grant_json(granted(9, access_flags, {}), {}).contains("pfn"));
}

TEST(GrantView, MakesJson)
{
    ShownGrant grant = granted(1, access_flags | sub_page | read_only | writing, 0xd);
    grant.sub_page = {512, 128};
    EXPECT_EQ(grant_json(grant, {}),
              Json::parse(R"({"ref": 1, "kind": "access", "domid": 3, "role": "xenstore", "pfn": 13,
                              "sub-page": {"offset": 512, "length": 128}, "writable": false,
                              "reading": false, "writing": true, "flags": 277})"));
    EXPECT_EQ(grant_json(granted(9, transfer_flags, 2), {}),
              Json::parse(R"({"ref": 9, "kind": "transfer", "domid": 3, "transfer": "awaited",
                              "flags": 2})"));
}

TEST(GrantView, TellsTheSizeOfATable)
{
    ShownTableSize size{.version = GrantVersion::v1,
                        .nr_frames = 1,
                        .max_frames = std::nullopt,
                        .max_version = std::nullopt};
    EXPECT_EQ(size_text(size), "version 1, 1 frame");
    size = {.version = GrantVersion::v2,
            .nr_frames = 9,
            .max_frames = 64,
            .max_version = GrantVersion::v2};
    EXPECT_EQ(size_text(size), "version 2 (at most 2), 9 frames (at most 64), 2 status frames");
    EXPECT_EQ(grants_count_text(0, 0), "no grants");
    EXPECT_EQ(grants_count_text(1, 0), "1 grant");
    EXPECT_EQ(grants_count_text(1200, 3), "1,200 grants, 3 in use");
}

TEST(GrantView, PutsAnEntryIntoAPhrase)
{
    EXPECT_EQ(grant_phrase(granted(0, access_flags | reading, 5), {}),
              "to 3: pfn 0x5, read, write, reading, console");
}

}  // namespace
}  // namespace sr
