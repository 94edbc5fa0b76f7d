// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_restore() of checkpointed streams that break off anywhere: the guest lives on from the last checkpoint that is whole.
#include "tests/support/json.hpp"
#include "tests/system/remus_restore.hpp"

#include <algorithm>
#include <thread>
#include <unistd.h>

namespace sr::test {
namespace {

/// Where each CHECKPOINT record ends.
std::vector<std::size_t> ends_of_checkpoints(const StreamPieces& stream)
{
    std::vector<std::size_t> ends;
    const auto boundaries = stream.boundaries();
    for (std::size_t i = 0; i < stream.records.size(); ++i) {
        if (stream.records[i].type == RecordType::checkpoint) {
            ends.push_back(boundaries[i + 1]);
        }
    }
    return ends;
}

TEST_F(RemusRestore, GoesOnFromTheLastCheckpointWhereverTheLinkIsCut)
{
    const Octets whole = join(stream_);
    const auto ends = ends_of_checkpoints(stream_);
    std::vector<std::size_t> cuts;
    for (const std::size_t boundary : stream_.boundaries()) {
        // Before a record, and within its head, its list of pfns, its contents.
        for (const std::size_t more : {0U, 5U, 9001U}) {
            cuts.push_back(boundary + more);
        }
    }
    std::size_t nr_failovers = 0;
    for (const std::size_t cut : cuts) {
        if (cut > whole.size()) {
            break;
        }
        SCOPED_TRACE(cut);
        const auto nr_whole = static_cast<std::size_t>(
            std::count_if(ends.begin(), ends.end(), [=](std::size_t end) { return end <= cut; }));
        const int result =
            restore({whole.begin(), whole.begin() + static_cast<long>(cut)}, SR_STREAM_REMUS);
        EXPECT_EQ(calls_of_checkpoint(), nr_whole);
        if (nr_whole == 0) {
            EXPECT_EQ(result, -1);
            EXPECT_EQ(error_.error_class, SR_ERROR_IO) << error_.message;
        } else {
            ASSERT_EQ(result, 0) << error_.message;
            if (++nr_failovers % 5 == 0) {  // it takes its time
                expect_lives_on_from(nr_whole - 1);
            }
        }
    }
}

TEST_F(RemusRestore, TheFirstCheckpointHasNoneToFailOverTo)
{
    EXPECT_EQ(restore(join(stream_), SR_STREAM_REMUS, {SR_RESTORE_CHECKPOINT_FAILOVER}), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CALLBACK) << error_.message;
    EXPECT_STREQ(error_.call, "checkpoint");
    EXPECT_EQ(error_.guest, SR_GUEST_IN_STREAM);
    expect_nothing_left();
}

TEST_F(RemusRestore, ACheckpointWhoseRestIsLostNeverWas)
{
    ASSERT_EQ(restore(join(stream_), SR_STREAM_REMUS,
                      {SR_RESTORE_CHECKPOINT_SUCCESS, SR_RESTORE_CHECKPOINT_SUCCESS,
                       SR_RESTORE_CHECKPOINT_FAILOVER}),
              0)
        << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 2"));
    expect_lives_on_from(1);
}

TEST_F(RemusRestore, AToolstackThatFailsIsNoFailover)
{
    EXPECT_EQ(restore(join(stream_), SR_STREAM_REMUS,
                      {SR_RESTORE_CHECKPOINT_SUCCESS, SR_RESTORE_CHECKPOINT_ERROR}),
              -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_CALLBACK) << error_.message;
    EXPECT_EQ(calls_of_checkpoint(), 2U);
    expect_nothing_left();
}

TEST_F(RemusRestore, BeingCancelledIsNoFailover)
{
    const Pipe pipe;
    sr_job* const job = sr_job_new();
    const Octets stream = join(stream_);
    std::jthread sender{[&] {
        const std::size_t cut = ends_of_checkpoints(stream_).at(1) + 5000;
        for (std::size_t sent = 0; sent < cut;) {
            const ssize_t n = ::write(pipe.writer.get(), stream.data() + sent, cut - sent);
            if (n <= 0) {
                return;
            }
            sent += static_cast<std::size_t>(n);
        }
    }};
    recorder_.at_checkpoint = [&, nth = 0]() mutable {
        if (++nth == 2) {
            sr_cancel(job);
        }
    };
    EXPECT_EQ(restore(pipe.reader.get(), SR_STREAM_REMUS, job), -1);
    sender.join();
    sr_job_free(job);
    EXPECT_EQ(error_.error_class, SR_ERROR_CANCELLED) << error_.message;
    expect_nothing_left();
}

TEST_F(RemusRestore, TheStreamIsTheToolstacksAtACheckpoint)
{
    // Behind each CHECKPOINT comes something of the toolstack's own, as libxl's CHECKPOINT_END.
    constexpr std::size_t own_length = 4711;
    Octets stream;
    std::size_t at = 0;
    const Octets whole = join(stream_);
    for (const std::size_t end : ends_of_checkpoints(stream_)) {
        stream.insert(stream.end(), whole.begin() + static_cast<long>(at),
                      whole.begin() + static_cast<long>(end));
        stream.resize(stream.size() + own_length, std::byte{0xee});
        at = end;
    }
    const MemoryFile file{stream};
    std::size_t nr_own = 0;
    recorder_.at_checkpoint = [&] {
        Octets own(own_length);
        EXPECT_EQ(::read(file.fd(), own.data(), own.size()), static_cast<ssize_t>(own_length));
        nr_own += own == Octets(own_length, std::byte{0xee}) ? 1U : 0U;
    };
    ASSERT_EQ(restore(file.fd(), SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_EQ(nr_own, nr_saves);
    expect_lives_on_from(nr_saves - 1);
}

TEST_F(RemusRestore, SkipsOptionalRecordsOfACheckpoint)
{
    const Octets stream = with_last_checkpoint([](Records& records, Records::iterator first) {
        records.insert(first, {static_cast<RecordType>(0x8000'1234), Octets(33)});
    });
    ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
    expect_lives_on_from(nr_saves - 1);
}

TEST_F(RemusRestore, ASenderThatTalksNonsenseIsLost)
{
    const auto fails_over = [&](const char* what, const Octets& stream) {
        SCOPED_TRACE(what);
        ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
        EXPECT_TRUE(log_has("fails over to checkpoint 2"));
        expect_lives_on_from(1);
    };
    fails_over("unknown record",
               with_last_checkpoint([](Records& records, Records::iterator first) {
                   records.insert(first, {static_cast<RecordType>(0x1234), Octets(33)});
               }));
    fails_over("unknown page type",
               with_last_checkpoint([](Records& /*records*/, Records::iterator first) {
                   store<std::uint64_t>(first->body, 8, 0x7000'0000'0000'0001ULL);
               }));
    fails_over("compared pages",
               with_last_checkpoint([](Records& records, Records::iterator first) {
                   records.insert(first + 1, {RecordType::verify, {}});
               }));
    fails_over("no vCPUs", with_last_checkpoint([](Records& records, Records::iterator first) {
                   records.erase(std::find_if(first, records.end(),
                                              [](const RecordPiece& r) {
                                                  return r.type == RecordType::x86_pv_vcpu_basic;
                                              }),
                                 records.end() - 1);
               }));
    fails_over("a vCPU whose start_info is nowhere",
               with_last_checkpoint([](Records& records, Records::iterator first) {
                   const auto vcpu = std::find_if(first, records.end(), [](const RecordPiece& r) {
                       return r.type == RecordType::x86_pv_vcpu_basic;
                   });
                   store<std::uint64_t>(vcpu->body, rdx_offset, 0xfffff);
               }));
    fails_over("a start_info whose ring is gone",
               with_last_checkpoint([&](Records& records, Records::iterator first) {
                   const std::uint64_t ring =
                       load<std::uint64_t>(start_info_of_last().contents, store_mfn_offset);
                   const auto gone = page_records({{ring, {PageType::xtab, {}}}});
                   const auto behind = std::find_if(first, records.end(), [](const auto& r) {
                       return r.type != RecordType::page_data;
                   });
                   records.insert(behind, gone.begin(), gone.end());
               }));
    fails_over("a start_info that names no ring",
               with_last_checkpoint([&](Records& records, Records::iterator first) {
                   StreamPage page = start_info_of_last();
                   store<std::uint64_t>(page.contents, store_mfn_offset, 0xfffff);
                   const auto changed = page_records({{start_info_pfn_of_last(), page}});
                   const auto behind = std::find_if(first, records.end(), [](const auto& r) {
                       return r.type != RecordType::page_data;
                   });
                   records.insert(behind, changed.begin(), changed.end());
               }));
    fails_over("END in the middle",
               with_last_checkpoint([](Records& records, Records::iterator first) {
                   records.insert(first + 1, {RecordType::end, {}});
               }));
}

TEST_F(RemusRestore, ATableOfNonsenseNeverReachesTheGuest)
{
    Octets stream = with_last_checkpoint([&](Records& records, Records::iterator first) {
        StreamPieces pages{{}, {first, records.end()}};
        const TablePlace place = find_l1_entry(pages);
        store<std::uint64_t>(place.record->body, place.contents, 0xffff'ffff'f067ULL);
        std::copy(pages.records.begin(), pages.records.end(), first);
    });
    ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 2"));
    expect_lives_on_from(1);
}

/// Else it would be found only when nothing is left to go back to.
TEST_F(RemusRestore, ACheckpointThatCannotBeCompletedReplacesNone)
{
    const StreamPages guest = pages_of(split(saves_.back()));
    std::uint64_t hole = 0;
    while (guest.contains(hole) && guest.at(hole).type != PageType::xtab) {
        ++hole;
    }
    const auto fails_over = [&](const char* what, const Octets& stream) {
        SCOPED_TRACE(what);
        ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
        EXPECT_TRUE(log_has("fails over to checkpoint 2"));
        expect_lives_on_from(1);
    };
    fails_over("a table that names a page which nobody sent",
               with_last_checkpoint([&](Records& records, Records::iterator first) {
                   StreamPieces pages{{}, {first, records.end()}};
                   const TablePlace place = find_l1_entry(pages);
                   store<std::uint64_t>(place.record->body, place.contents, hole << 12 | 0x67U);
                   std::copy(pages.records.begin(), pages.records.end(), first);
               }));
    fails_over("a table that names a page which is gone",
               with_last_checkpoint([&](Records& records, Records::iterator first) {
                   StreamPieces pages{{}, {first, records.end()}};
                   const TablePlace place = find_l1_entry(pages);
                   const std::uint64_t named =
                       load<std::uint64_t>(place.record->body, place.contents) >> 12 &
                       0xff'ffff'ffffU;
                   const auto gone = page_records({{named, {PageType::xtab, {}}}});
                   const auto behind = std::find_if(first, records.end(), [](const auto& r) {
                       return r.type != RecordType::page_data;
                   });
                   records.insert(behind, gone.begin(), gone.end());
               }));
    StreamPages more;
    std::uint64_t nr_needed = 0;
    for (std::uint64_t pfn = 0; pfn <= guest.rbegin()->first; ++pfn) {
        if (guest.contains(pfn) && guest.at(pfn).type != PageType::xtab) {
            ++nr_needed;
        } else {
            more[pfn] = {PageType::xalloc, {}};
        }
    }
    constexpr std::uint64_t kib_per_page = 4;
    constexpr std::uint64_t slack_kib = 1024;  // that a toolstack adds
    memory_kib_ = (nr_needed + more.size() - 1) * kib_per_page - slack_kib;
    fails_over("more frames than the domain may own",
               with_last_checkpoint([&](Records& records, Records::iterator first) {
                   const auto frames = page_records(more);
                   const auto behind = std::find_if(first, records.end(), [](const auto& r) {
                       return r.type != RecordType::page_data;
                   });
                   records.insert(behind, frames.begin(), frames.end());
               }));
}

/// The stock sender says of a table that it has no frame when it cannot translate it just now, and sends it at a later
/// checkpoint; what names it does not come again.
TEST_F(RemusRestore, ATableThatComesACheckpointLaterKeepsItsFrame)
{
    StreamPages tables;
    StreamPages not_now;
    for (const auto& [pfn, page] : pages_of(split(saves_.back()))) {
        if (page.type == PageType::l1) {
            tables[pfn] = page;
            not_now[pfn] = {PageType::xtab, {}};
        }
    }
    ASSERT_FALSE(tables.empty());
    ASSERT_EQ(restore(with_more_pages({{}, not_now, tables}), SR_STREAM_REMUS), 0)
        << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 3"));
    expect_lives_on_from(nr_saves - 1);
}

TEST_F(RemusRestore, EndMayStandWhereACheckpointCould)
{
    StreamPieces ended = stream_;
    ended.records.push_back({RecordType::end, {}});
    ASSERT_EQ(restore(join(ended), SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_FALSE(log_has("fails over"));
    expect_lives_on_from(nr_saves - 1);
    ended.records.erase(ended.records.end() - 2);
    ASSERT_EQ(restore(join(ended), SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_EQ(calls_of_checkpoint(), nr_saves - 1);
    EXPECT_FALSE(log_has("fails over"));
    expect_lives_on_from(nr_saves - 1);
}

/// However often a page comes in one checkpoint, and as whatever: the newest counts, and takes memory once.
TEST_F(RemusRestore, OfAPageManyTimesInACheckpointTheLastCounts)
{
    const StreamPages last = pages_of(split(saves_.back()));
    const Octets stream = with_last_checkpoint([&](Records& records, Records::iterator first) {
        const auto place = first - records.begin();
        std::vector<RecordPiece> more;
        for (unsigned round = 0; round < 20; ++round) {
            StreamPages rubbish;
            for (const auto& [pfn, page] : last) {
                rubbish[pfn] = (pfn + round) % 3 == 0
                                   ? StreamPage{PageType::xtab, {}}
                                   : StreamPage{PageType::notab,
                                                Octets(page_size, static_cast<std::byte>(round))};
            }
            for (RecordPiece& record : page_records(rubbish)) {
                more.push_back(std::move(record));
            }
        }
        for (RecordPiece& record : page_records(last)) {
            more.push_back(std::move(record));
        }
        records.insert(records.begin() + place, more.begin(), more.end());
    });
    ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 3"));
    expect_lives_on_from(nr_saves - 1);
}

/// A vCPU that is gone in a checkpoint stays gone: the one before does not show through.
TEST_F(RemusRestore, ACheckpointHasTheVcpusThatItNames)
{
    const Octets stream = with_last_checkpoint([&](Records& records, Records::iterator first) {
        const auto is_second_vcpu = [](const RecordPiece& r) {
            return (r.type == RecordType::x86_pv_vcpu_basic ||
                    r.type == RecordType::x86_pv_vcpu_extended ||
                    r.type == RecordType::x86_pv_vcpu_xsave ||
                    r.type == RecordType::x86_pv_vcpu_msrs) &&
                   load<std::uint32_t>(r.body, 0) == 1;
        };
        records.erase(std::remove_if(first, records.end(), is_second_vcpu), records.end());
    });
    ASSERT_EQ(restore(stream, SR_STREAM_REMUS), 0) << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 3"));
    const auto shown =
        parsed_json(here_.host.fakexen({"show", "--json", std::to_string(domain_->id())}));
    EXPECT_TRUE(shown.at("vcpu_states").at(0).at("online"));
    EXPECT_FALSE(shown.at("vcpu_states").at(1).at("online"));
}

}  // namespace
}  // namespace sr::test
