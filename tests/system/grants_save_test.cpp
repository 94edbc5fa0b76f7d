// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests whose grant tables are recorded by a save, and checked by a restore: which calls that takes, what stands in the
// stream, and who is refused.
#include "libsr/wire/encode.hpp"
#include "tests/system/grants_save.hpp"

#include <algorithm>
#include <map>

namespace sr::test {
namespace {

constexpr std::size_t nr_at_least = 400;  ///< of its 600 grants, which a guest makes bit by bit

TEST_F(GrantsSave, WithoutTheOptionNotOneCallIsMade)
{
    start_guest(granter_v2);
    const Octets stream = saved();
    EXPECT_FALSE(has_type(stream, RecordType::grant_table_info));
    EXPECT_FALSE(has_type(stream, RecordType::grant_table_entries));
    EXPECT_TRUE(hooks().acquired.empty());
    EXPECT_EQ(hooks().nr_versions + hooks().nr_sizes + hooks().nr_others, 0U);
}

TEST_F(GrantsSave, RecordsATableOfVersion1)
{
    start_guest(granter_v1);
    const Octets stream = saved_with_grants();
    const GrantTableInfo info = info_of(stream);
    EXPECT_EQ(info.version, GrantVersion::v1);
    EXPECT_EQ(info.nr_frames, shown(domid_).at("grants").at("nr_frames"));
    EXPECT_EQ(info.max_frames, shown(domid_).at("grants").at("max_frames"));
    EXPECT_EQ(info.max_version, std::nullopt);
    const GrantTableEntries table = entries_of(stream);
    EXPECT_EQ(table.version, GrantVersion::v1);
    EXPECT_GT(table.entries.size(), nr_at_least);
    for (const StreamGrantEntry& entry : table.entries) {
        EXPECT_EQ(entry.kind(), GrantKind::permit_access) << entry.ref;
        EXPECT_TRUE(entry.frame) << entry.ref;
        EXPECT_EQ(entry.status, 0U);
    }
}

TEST_F(GrantsSave, RecordsATableOfVersion2)
{
    start_guest(granter_v2);
    const Octets stream = saved_with_grants();
    const GrantTableInfo info = info_of(stream);
    EXPECT_EQ(info.version, GrantVersion::v2);
    EXPECT_GE(info.nr_frames, 3U);
    const GrantTableEntries table = entries_of(stream);
    EXPECT_EQ(table.version, GrantVersion::v2);
    EXPECT_EQ(table.nr_frames, info.nr_frames);
    EXPECT_GT(table.entries.size(), nr_at_least);
    EXPECT_TRUE(
        std::ranges::any_of(table.entries, [](const auto& entry) { return !!entry.sub_page; }));
    EXPECT_TRUE(
        std::ranges::any_of(table.entries, [](const auto& entry) { return !!entry.source; }));
    for (const StreamGrantEntry& entry : table.entries) {
        EXPECT_EQ(entry.frame.has_value(), entry.kind() == GrantKind::permit_access) << entry.ref;
    }
}

/// Each entry of the suspended guest, with a pfn of its own in place of the mfn: the one that reading the table tells.
TEST_F(GrantsSave, EntriesAreThoseOfTheGuest)
{
    start_guest(granter_v2);
    const Octets stream = saved_with_grants();
    sr_grant_table* raw = nullptr;
    ASSERT_EQ(sr_grant_table_read(here_.engine.get(), domid_, SR_GRANTS_STATUS | SR_GRANTS_PFNS,
                                  &raw, nullptr),
              0);
    const std::unique_ptr<sr_grant_table, void (*)(sr_grant_table*)> live{raw,
                                                                          &sr_grant_table_free};
    const GrantTableEntries table = entries_of(stream);
    ASSERT_EQ(table.entries.size(), live->nr_entries);
    std::map<std::uint64_t, Pfn> pfns;
    for (std::size_t i = 0; i < table.entries.size(); ++i) {
        const StreamGrantEntry& entry = table.entries[i];
        const sr_grant_entry& told = live->entries[i];
        EXPECT_EQ(entry.ref, told.ref);
        EXPECT_EQ(entry.flags, told.flags);
        EXPECT_EQ(entry.domid, told.domid);
        EXPECT_EQ(entry.frame.has_value(), told.frame != SR_NONE);
        EXPECT_EQ(entry.frame ? entry.frame->number() : SR_NONE, told.pfn);
        if (entry.frame) {
            EXPECT_NE(entry.frame->number(), told.frame) << "an mfn went out";
            EXPECT_EQ(pfns.emplace(told.frame, *entry.frame).first->second, *entry.frame);
        }
    }
    EXPECT_GT(pfns.size(), 1U);
}

/// The rule of the issue, over everything that this process asks of the host, and the host's own count.
TEST_F(GrantsSave, AGuestOfVersion1NeverMeetsAStatusFrame)
{
    start_guest(granter_v1);
    const Octets stream = saved_with_grants(SR_SAVE_LIVE);
    const std::uint64_t nr_frames = entries_of(stream).nr_frames;
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, nr_frames}}));
    EXPECT_EQ(hooks().nr_others, 0U);
    ASSERT_EQ(restore(stream, 1), 0) << error_.message;
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, 1}})) << "the seeds";
    EXPECT_EQ(hooks().nr_others, 0U);
    const std::string calls = here_.host.fakexen({"calls"});
    EXPECT_EQ(calls.find("get_status_frames"), std::string::npos);
    EXPECT_EQ(calls.find(" status "), std::string::npos);
    EXPECT_NE(calls.find(" shared 0+"), std::string::npos)
        << "calls are not told as this test reads them";
    EXPECT_EQ(most_status_frames(), 0U);
    EXPECT_EQ(shown(domid_).at("grants").at("nr_frames"), nr_frames);
    EXPECT_EQ(shown(copy_->id()).at("grants").at("nr_frames"), 1);
}

/// That one would see it if there were one.
TEST_F(GrantsSave, AGuestOfVersion2MeetsItsStatusFrames)
{
    start_guest(granter_v2);
    const GrantTableEntries table = entries_of(saved_with_grants());
    EXPECT_EQ(hooks().acquired, (Acquisitions{{shared, 0, table.nr_frames},
                                              {XENMEM_resource_grant_table_id_status, 0, 1}}));
    EXPECT_NE(here_.host.fakexen({"calls"}).find(" status "), std::string::npos);
    EXPECT_NE(most_status_frames(), 0U);
}

TEST_F(GrantsSave, AStrangersFrameIsLeftOut)
{
    start_guest(granter_v1);
    here_.host.suspend(domid_text_);
    xenforeignmemory_handle* const fmem = xenforeignmemory_open(nullptr, 0);
    void* address = nullptr;
    auto* const handle = xenforeignmemory_map_resource(fmem, static_cast<domid_t>(domid_),
                                                       XENMEM_resource_grant_table, shared, 0, 1,
                                                       &address, PROT_READ | PROT_WRITE, 0);
    ASSERT_NE(handle, nullptr);
    auto* const entries = static_cast<grant_entry_v1_t*>(address);
    std::size_t ref = 8;
    while (entries[ref].flags == 0) {
        ++ref;
    }
    entries[ref].frame = 0xffff'fff0;
    entries[ref + 1] = {.flags = GTF_accept_transfer, .domid = 7, .frame = entries[8].frame};
    EXPECT_EQ(xenforeignmemory_unmap_resource(fmem, handle), 0);
    (void)xenforeignmemory_close(fmem);
    const GrantTableEntries table = entries_of(saved_with_grants());
    const auto found = std::ranges::find(table.entries, ref, &StreamGrantEntry::ref);
    ASSERT_NE(found, table.entries.end());
    EXPECT_FALSE(found->frame);
    EXPECT_FALSE(std::next(found)->frame) << "a transfer that is awaited names no frame";
    EXPECT_TRUE(log_has("1 name frames that are not its own"));
}

TEST_F(GrantsSave, AGuestOfEitherVersionLivesOn)
{
    for (const Options& options : {granter_v1, granter_v2}) {
        for (const std::uint32_t live : {0U, SR_SAVE_LIVE}) {
            SCOPED_TRACE(options[1] + (live != 0 ? " live" : ""));
            Options all = options;
            all.insert(all.end(), {"--name", options[1] + std::to_string(live)});
            start_guest(all);
            const Octets stream = saved_with_grants(live);
            expect_restores(stream, here_.host.count_of(domid_text_));
        }
    }
}

TEST_F(GrantsSave, TheStockEngineSkipsTheRecords)
{
    start_guest(granter_v1);
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    write_file(file, saved_with_grants());
    const std::uint64_t count = here_.host.count_of(domid_text_);
    const std::string restored = restore_raw(here_.host, Engine::stock, file,
                                             {.name = "stock", .memory_mib = 4, .nr_vcpus = 2});
    here_.host.await_player(restored);
    here_.host.step(restored, 3);
    EXPECT_EQ(here_.host.await_count(restored, count + 3), count + 3) << here_.host.log();
    here_.expect_intact(restored);
}

TEST_F(GrantsSave, TheRestoreSumsUpAndMakesNoGrant)
{
    start_guest(granter_v2);
    const Octets stream = saved_with_grants();
    ASSERT_EQ(restore(stream), 0) << error_.message;
    EXPECT_TRUE(restore_log_has("the guest makes them anew"));
    sr_grant_table* table = nullptr;
    ASSERT_EQ(sr_grant_table_read(here_.engine.get(), copy_->id(), 0, &table, nullptr), 0);
    EXPECT_EQ(table->version, 1U);
    EXPECT_LE(table->nr_entries, 2U) << "others than console and xenstore";
    sr_grant_table_free(table);
}

/// As xsr grants counts them: what was taken back and is still mapped is in use.
TEST_F(GrantsSave, TheRestoreCountsWhatIsRevokedAndInUse)
{
    start_guest(granter_v2);
    StreamPieces pieces = split(saved_with_grants());
    GrantTableEntries table = entries_of(join(pieces));
    table.entries.resize(3);
    for (StreamGrantEntry& entry : table.entries) {
        entry = {.ref = entry.ref, .flags = 0x5, .domid = 7};
    }
    table.entries.at(1).flags = 0;
    table.entries.at(1).status = 0x8;
    table.entries.at(2).flags = 0;
    table.entries.at(2).status = 0x18;
    pieces.first(RecordType::grant_table_entries).body = encode_grant_table_entries(table);
    ASSERT_EQ(restore(join(pieces)), 0) << error_.message;
    EXPECT_TRUE(restore_log_has("had 3 grants to 1 domains, 2 of them in use"));
}

// ---- Destinations that do not fit ----

TEST_F(GrantsSave, ADomainThatMayUseVersion1OnlyIsRefused)
{
    start_guest(granter_v2);
    const Octets stream = saved_with_grants();
    ASSERT_EQ(restore(stream, 1), -1);
    expect_refused_early("create it with max_grant_version=2");
    const std::string message = error_.message;
    for (const char* const part :
         {"as the toolstack said", "max-grant-version of libsr-save-helper"}) {
        EXPECT_NE(message.find(part), std::string::npos) << message;
    }
    copy_.reset();
    EXPECT_EQ(restore(stream, 2), 0) << error_.message;
}

TEST_F(GrantsSave, ADomainWithTooFewFramesIsRefused)
{
    start_guest(granter_v2);
    const Octets stream = saved_with_grants();
    const std::uint32_t nr_frames = info_of(stream).nr_frames;
    ASSERT_EQ(restore(stream, 0, nr_frames - 1), -1);
    expect_refused_early("create it with max_grant_frames=" + std::to_string(nr_frames));
    EXPECT_NE(std::string{error_.message}.find("gnttab_max_frames="), std::string::npos)
        << error_.message;
    copy_.reset();
    EXPECT_EQ(restore(stream, 0, nr_frames), 0) << error_.message;
}

class GrantsSaveV1Host : public GrantsSave {
protected:
    GrantsSaveV1Host() : GrantsSave{{"--quirk", "grant-version:1"}} {}
};

TEST_F(GrantsSaveV1Host, AHostWithoutVersion2RefusesAGuestThatUsesIt)
{
    start_guest(granter_v1);
    StreamPieces pieces = split(saved_with_grants());
    Octets& body = pieces.first(RecordType::grant_table_info).body;
    body[0] = std::byte{2};   // version
    body[16] = std::byte{1};  // status frames
    ASSERT_EQ(restore(join(pieces)), -1);
    expect_refused_early("which this host does not offer");
}

// ---- What sr.h says of the option ----

TEST_F(GrantsSave, TheCallersMaximumIsRecorded)
{
    start_guest(granter_v1);
    here_.host.suspend(domid_text_);
    const auto record_with = [this](std::uint32_t max_version) {
        const MemoryFile file;
        sr_save_options options = save_options();
        options.flags = SR_SAVE_GRANTS;
        options.max_grant_version = max_version;
        error_ = fresh_error();
        const int result =
            sr_save(here_.engine.get(), domid_, file.fd(), &options, nullptr, nullptr, &error_);
        return result == 0 ? info_of(file.contents()).max_version : std::nullopt;
    };
    EXPECT_EQ(record_with(1), GrantVersion::v1);
    EXPECT_EQ(record_with(2), GrantVersion::v2);
    EXPECT_EQ(record_with(3), std::nullopt);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE) << error_.message;
}

TEST_F(GrantsSave, AMaximumThatCannotBeIsNotRecorded)
{
    start_guest(granter_v2);
    here_.host.suspend(domid_text_);
    const MemoryFile file;
    sr_save_options options = save_options();
    options.flags = SR_SAVE_GRANTS;
    options.max_grant_version = 1;
    const sr_save_ops ops = recorder_.save_ops();
    ASSERT_EQ(sr_save(here_.engine.get(), domid_, file.fd(), &options, &ops, &recorder_, nullptr),
              0);
    EXPECT_EQ(info_of(file.contents()).max_version, std::nullopt);
    EXPECT_TRUE(restore_log_has("it is not true that it may use at most version 1"));
}

TEST_F(GrantsSave, CheckpointedStreamsHoldNone)
{
    start_guest(granter_v1);
    const MemoryFile file;
    EXPECT_EQ(save(file.fd(), SR_SAVE_LIVE | SR_SAVE_GRANTS, nullptr, SR_STREAM_REMUS), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_USAGE) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_UNTOUCHED);
    EXPECT_TRUE(file.contents().empty());
}

}  // namespace
}  // namespace sr::test
