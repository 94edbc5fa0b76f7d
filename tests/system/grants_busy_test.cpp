// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests whose grant tables change while they are saved, or are in use: what stands in the stream then.
#include "tests/system/grants_save.hpp"

#include <set>
#include <utility>

namespace sr::test {
namespace {

// ---- A guest whose pages are mapped while it is suspended ----

class GrantsSaveMapped : public GrantsSave, public testing::WithParamInterface<bool> {
protected:
    [[nodiscard]] static bool is_v2() { return GetParam(); }

    /// The guest, and another one that has mapped some of what it grants, for good. @return how many times
    [[nodiscard]] std::uint64_t start_both()
    {
        start_guest(
            {"--grants", is_v2() ? "v2" : "v1", "--grant-peer", "2", "--grant-pages", "200"});
        const std::string peer =
            here_.host.create_guest({"--memory", "4M", "--period", "1", "--seed", "4",
                                     "--map-grants-of", domid_text_, "--map-hold", "0"});
        EXPECT_EQ(peer, "2") << "to which the guest grants";
        for (int quanta = 0; quanta < 40 && mapped_by_others() == 0; ++quanta) {
            here_.host.step(peer, 1);
        }
        return mapped_by_others();
    }
    [[nodiscard]] std::uint64_t mapped_by_others() const
    {
        return shown(domid_).at("grants").at("mapped_by_others");
    }
    [[nodiscard]] static unsigned use_of(const StreamGrantEntry& entry)
    {
        return (is_v2() ? entry.status : entry.flags) & grant_flag::status_mask;
    }
    static void expect_same(const StreamGrantEntry& entry, const sr_grant_entry& told)
    {
        EXPECT_EQ(entry.ref, told.ref);
        EXPECT_EQ(entry.flags, told.flags);
        EXPECT_EQ(entry.domid, told.domid);
        EXPECT_EQ(entry.status, told.status);
        EXPECT_EQ(entry.frame ? entry.frame->number() : SR_NONE, told.pfn);
        const auto part = entry.sub_page.value_or(StreamGrantEntry::SubPage{0, 0});
        EXPECT_EQ(part.offset, told.page_offset);
        EXPECT_EQ(part.length, told.length);
        const auto source = entry.source.value_or(StreamGrantEntry::Source{0, 0});
        EXPECT_EQ(source.domid, told.trans_domid);
        EXPECT_EQ(source.ref, told.trans_ref);
    }
};

TEST_P(GrantsSaveMapped, RecordsWhoUsesThem)
{
    const std::uint64_t nr_mapped = start_both();
    ASSERT_GE(nr_mapped, 4U);
    const GrantTableEntries table = entries_of(saved_with_grants());
    ASSERT_EQ(mapped_by_others(), nr_mapped);
    sr_grant_table* raw = nullptr;
    ASSERT_EQ(sr_grant_table_read(here_.engine.get(), domid_, SR_GRANTS_STATUS | SR_GRANTS_PFNS,
                                  &raw, nullptr),
              0);
    const std::unique_ptr<sr_grant_table, void (*)(sr_grant_table*)> live{raw,
                                                                          &sr_grant_table_free};
    EXPECT_EQ(number_of(table.version), live->version);
    ASSERT_EQ(table.entries.size(), live->nr_entries);
    std::set<std::uint32_t> used;
    for (std::size_t i = 0; i < table.entries.size(); ++i) {
        SCOPED_TRACE(i);
        const StreamGrantEntry& entry = table.entries[i];
        expect_same(entry, live->entries[i]);
        EXPECT_TRUE(!is_v2() || (entry.flags & grant_flag::status_mask) == 0);
        EXPECT_EQ(entry.reading() || entry.writing(), use_of(entry) != 0);
        if (use_of(entry) != 0) {
            EXPECT_EQ(entry.domid, 2U);
            used.insert(entry.ref);
        }
    }
    EXPECT_GE(used.size(), 2U);
    EXPECT_LE(used.size(), nr_mapped);  // some may be mapped twice
    EXPECT_TRUE(is_v2() || most_status_frames() == 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, GrantsSaveMapped, testing::Bool(),
                         [](const auto& each) { return each.param ? "v2" : "v1"; });

// ---- A guest that switches versions ----

TEST_F(GrantsSave, ALiveSaveRecordsTheVersionThatTheGuestSuspendsWith)
{
    bool switched = false;
    start_guest(
        {"--name", "turner", "--grants", "v1", "--grant-peer", "0", "--max-grant-version", "2"});
    toolstack_.decide = [&](const sr_precopy_stats& stats) {
        if (!std::exchange(switched, true)) {
            switch_to("grants-v2");
        }
        live_on();
        return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
    };
    const Octets stream = saved_with_grants(SR_SAVE_LIVE);
    EXPECT_EQ(info_of(stream).version, GrantVersion::v1);
    EXPECT_EQ(entries_of(stream).version, GrantVersion::v2);
    EXPECT_EQ(restore(stream, 1), -1) << "nobody knew when the memory was sent";
    EXPECT_EQ(error_.error_class, SR_ERROR_MISMATCH) << error_.message;
    EXPECT_EQ(error_.record_type, to_wire(RecordType::grant_table_entries));
    copy_.reset();
    expect_restores(stream, here_.host.count_of(domid_text_));
}

TEST_F(GrantsSave, ALiveSaveRecordsThatTheGuestWentBackToVersion1)
{
    bool switched = false;
    start_guest({"--name", "turner", "--grants", "v2", "--grant-peer", "0"});
    toolstack_.decide = [&](const sr_precopy_stats& stats) {
        if (!std::exchange(switched, true)) {
            switch_to("grants-v1");
        }
        live_on();
        return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
    };
    const Octets stream = saved_with_grants(SR_SAVE_LIVE);
    EXPECT_EQ(info_of(stream).version, GrantVersion::v2);
    const GrantTableEntries table = entries_of(stream);
    EXPECT_EQ(table.version, GrantVersion::v1);
    EXPECT_GE(table.nr_frames, info_of(stream).nr_frames);
    EXPECT_FALSE(table.entries.empty());
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, table.nr_frames}})) << "and no status";
    expect_restores(stream, here_.host.count_of(domid_text_));
}

/// Else a live migration would find out when the guest stands still already.
TEST_F(GrantsSave, AHostThatGivesNoFramesIsFoundOutWhileTheGuestRuns)
{
    start_guest(granter_v1);
    hooks().refuse_acquire = EOPNOTSUPP;
    toolstack_.suspend_guest = [] { ADD_FAILURE() << "asked to suspend"; };
    const MemoryFile file;
    EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE | SR_SAVE_GRANTS), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_HYPERVISOR) << error_.message;
    EXPECT_STREQ(error_.call, "XENMEM_acquire_resource");
    EXPECT_EQ(error_.errnum, EOPNOTSUPP);
    expect_unharmed();
}

}  // namespace
}  // namespace sr::test
