// SPDX-License-Identifier: LGPL-2.1-or-later
// Records of grant tables as verify judges them.
#include "tests/unit/verify_support.hpp"

namespace sr::test {
namespace {

constexpr std::size_t info_frames = 8 + 4;  // offsets in a record, its head included
constexpr std::size_t entries_frames = 8 + 8;
constexpr std::size_t first_entry = 8 + 16;
constexpr std::size_t frame = 8;

/// The golden stream with both records of a version 1 table, whose one entry that has a frame grants pfn 5.
Parts with_grants()
{
    Parts parts{"pv_stream.hex"};
    parts.insert_before(RecordType::static_data_end, golden("sr_grant_table_info_v1.hex"));
    parts.insert_before(RecordType::end, golden("sr_grant_table_entries_v1.hex"));
    parts.change(parts.find(RecordType::grant_table_entries), first_entry + frame, "05");
    parts.change(parts.find(RecordType::grant_table_entries), entries_frames, "04");
    return parts;
}

/// What verify says after a change of a record.
Lines found(RecordType type, std::size_t at, const char* hex)
{
    Parts parts = with_grants();
    parts.change(parts.find(type), at, hex);
    return lines(parts.verify());
}

using enum RecordType;

TEST(VerifyGrants, PassesWhatASaveWrites)
{
    const VerifyReport report = with_grants().verify();
    EXPECT_EQ(lines(report), Lines{});
    EXPECT_TRUE(report.restorable());
    ASSERT_TRUE(report.summary.grant_info && report.summary.grants);
    EXPECT_EQ(report.summary.grant_info->nr_frames, 4U);
    EXPECT_EQ(report.summary.grants->entries.size(), 2U);
}

TEST(VerifyGrants, FindsWhatIsReserved)
{
    EXPECT_EQ(found(grant_table_info, 8 + 20, "01"),
              Lines{"deviation reserved: SR_GRANT_TABLE_INFO: a reserved field is not zero (0x1)"});
    EXPECT_EQ(found(grant_table_info, 8 + 31, "80").size(), 1U);
    EXPECT_EQ(
        found(grant_table_entries, 8 + 12, "02"),
        Lines{"deviation reserved: SR_GRANT_TABLE_ENTRIES: a reserved field is not zero (0x2)"});
    EXPECT_EQ(
        found(grant_table_entries, first_entry + 28, "07"),
        Lines{"deviation reserved: SR_GRANT_TABLE_ENTRIES: a reserved field is not zero (0x1)"});
}

TEST(VerifyGrants, FindsPagesThatAreNotThere)
{
    const char* const names = "deviation semantic: SR_GRANT_TABLE_ENTRIES: entry 0 names pfn ";
    EXPECT_EQ(found(grant_table_entries, first_entry + frame, "06"),
              Lines{std::string{names} + "0x6, which the stream does not hold"});
    EXPECT_EQ(found(grant_table_entries, first_entry + frame, "0f"),
              Lines{std::string{names} + "0xf, which the stream does not hold"});
    EXPECT_EQ(found(grant_table_entries, first_entry + frame, "10"),
              Lines{"error malformed: SR_GRANT_TABLE_ENTRIES: entry 0 (flags 0x19) names a frame "
                    "above the domain's highest"});
}

TEST(VerifyGrants, FindsTablesThatCannotBe)
{
    EXPECT_EQ(found(grant_table_info, info_frames, "05"),
              Lines{"error semantic: SR_GRANT_TABLE_ENTRIES: 4 frames, SR_GRANT_TABLE_INFO has 5: "
                    "a table never becomes smaller"});
    EXPECT_EQ(found(grant_table_entries, entries_frames, "21"),
              Lines{"error semantic: SR_GRANT_TABLE_ENTRIES: 33 frames, above the limit of 32"});
    EXPECT_EQ(found(grant_table_entries, first_entry + 32 + 4, "03"),
              Lines{"deviation semantic: SR_GRANT_TABLE_ENTRIES: 1 entries are transitive, which "
                    "version 1 does not have"});
    EXPECT_EQ(found(grant_table_info, 8 + 12, "01"), Lines{});
    Parts later = with_grants();
    later.change(later.find(grant_table_info), 8 + 12, "01");
    later.change(later.find(grant_table_entries), 8, "02");
    EXPECT_EQ(lines(later.verify()),
              Lines{"error semantic: SR_GRANT_TABLE_ENTRIES: version 2, at most 1 is allowed"});
}

TEST(VerifyGrants, FindsOneWithoutTheOther)
{
    EXPECT_EQ(lines(with_grants().erase(grant_table_entries).verify()),
              Lines{"deviation semantic: SR_GRANT_TABLE_INFO: without SR_GRANT_TABLE_ENTRIES after "
                    "it"});
    EXPECT_EQ(lines(with_grants().erase(grant_table_info).verify()),
              Lines{"error order: SR_GRANT_TABLE_ENTRIES: comes without SR_GRANT_TABLE_INFO before "
                    "it"});
}

TEST(VerifyGrants, FindsThemInACheckpointedStream)
{
    VerifyOptions options;
    options.kind = StreamKind::checkpointed;
    const VerifyReport report = test::verify(with_grants().whole(), options);
    EXPECT_EQ(lines(report).front(),
              "error order: SR_GRANT_TABLE_INFO: does not belong into a checkpointed stream");
    EXPECT_FALSE(report.restorable());
}

}  // namespace
}  // namespace sr::test
