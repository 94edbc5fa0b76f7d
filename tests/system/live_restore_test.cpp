// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_restore() of streams in which pages come again: as others, as tables or no longer, or not at all.
#include "tests/system/saved_guest.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace sr::test {
namespace {

/// Frames of the host that hold nothing but this octet, whoever owns them or did.
std::size_t frames_full_of(std::byte octet)
{
    const Octets full(page_size, octet);
    Octets page(page_size);
    for (const auto& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code ignored;
        const auto target = std::filesystem::read_symlink(each.path(), ignored).string();
        if (target.find("memfd:fakexen-memory") == std::string::npos) {
            continue;
        }
        const int memory = std::stoi(each.path().filename());
        std::size_t nr = 0;
        constexpr auto step = static_cast<off_t>(page_size);
        for (off_t at = 0; ::pread(memory, page.data(), page.size(), at) == step; at += step) {
            nr += page == full ? 1U : 0U;
        }
        return nr;
    }
    throw std::runtime_error{"the host's memory is not open here"};
}

class LiveRestore : public SavedGuest {
protected:
    /// What a live save sends whose rounds end where the guest was saved.
    [[nodiscard]] StreamPieces live() const
    {
        StreamPieces stream = split(saves_.front());
        std::vector<RecordPiece> rounds;
        for (const RecordPiece& record : checkpointed(saves_).records) {
            if (record.type == RecordType::page_data) {
                rounds.push_back(record);
            }
        }
        replace_pages(stream, rounds);
        return with_tail_of(stream, split(saves_.back()));
    }

    static void replace_pages(StreamPieces& stream, const std::vector<RecordPiece>& pages)
    {
        const auto is_pages = [](const RecordPiece& r) { return r.type == RecordType::page_data; };
        const auto first = std::find_if(stream.records.begin(), stream.records.end(), is_pages);
        const auto place = first - stream.records.begin();
        std::erase_if(stream.records, is_pages);
        stream.records.insert(stream.records.begin() + place, pages.begin(), pages.end());
    }

    /// The records behind the memory are those of another stream.
    static StreamPieces with_tail_of(StreamPieces stream, const StreamPieces& last)
    {
        const auto behind_memory = [](const StreamPieces& pieces) {
            return std::find_if(
                       pieces.records.rbegin(), pieces.records.rend(),
                       [](const RecordPiece& r) { return r.type == RecordType::page_data; })
                .base();
        };
        stream.records.erase(behind_memory(stream), stream.records.end());
        stream.records.insert(stream.records.end(), behind_memory(last), last.records.end());
        return stream;
    }

    /// Pages that come before all others, and are others there.
    static void send_first(StreamPieces& stream, const StreamPages& pages)
    {
        const auto first =
            std::find_if(stream.records.begin(), stream.records.end(),
                         [](const RecordPiece& r) { return r.type == RecordType::page_data; });
        const auto records = page_records(pages);
        stream.records.insert(first, records.begin(), records.end());
    }
};

TEST_F(LiveRestore, TakesThePagesThatCameLast)
{
    const StreamPieces stream = live();
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    const StreamPages last = pages_of(split(saves_.back()));
    EXPECT_EQ(nr_pages(), static_cast<std::uint64_t>(std::count_if(
                              last.begin(), last.end(),
                              [](const auto& p) { return needs_frame(p.second.type); })))
        << "what became a hole has no frame";
    expect_lives_on_from(nr_saves - 1);
}

/// Rubbish under each pfn first: a table where memory will be, memory where a table will be.
TEST_F(LiveRestore, TablesBecomeMemoryAndMemoryTables)
{
    StreamPieces stream = split(saves_.front());
    StreamPages other = pages_of(stream);
    const auto some_table = std::find_if(other.begin(), other.end(), [](const auto& page) {
        return page.second.type == PageType::l1;
    });
    ASSERT_NE(some_table, other.end());
    const StreamPage table = some_table->second;
    for (auto& [pfn, page] : other) {
        if (is_table(page.type)) {
            page.type = PageType::notab;
        } else if (has_contents(page.type)) {
            page = table;
        }
    }
    send_first(stream, other);
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    expect_lives_on_from(0);
}

/// The stock engine says of a table that changes as it looks that it has no frame, and sends it later; the tables that
/// name it went out before and do not come again.
TEST_F(LiveRestore, ATableThatIsSentLaterKeepsTheFrameThatOthersName)
{
    StreamPieces stream = split(saves_.front());
    StreamPages later;
    for (const auto& [pfn, page] : pages_of(stream)) {
        if (page.type == PageType::l1) {
            later.insert({pfn, page});
        }
    }
    StreamPages first = pages_of(stream);
    StreamPages not_now;
    for (const auto& [pfn, page] : later) {
        first.erase(pfn);
        not_now[pfn] = {PageType::xtab, {}};
    }
    auto records = page_records(first);
    for (const StreamPages& pages : {not_now, later}) {
        const auto more = page_records(pages);
        records.insert(records.end(), more.begin(), more.end());
    }
    replace_pages(stream, records);
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    expect_lives_on_from(0);
}

/// The stock engine says so even in the end, of a table that it cannot translate: what names it must stay valid.
TEST_F(LiveRestore, ATableThatIsNeverSentKeepsItsFrameToo)
{
    StreamPieces stream = split(saves_.front());
    StreamPages pages = pages_of(stream);
    const auto last = std::find_if(pages.rbegin(), pages.rend(),
                                   [](const auto& p) { return p.second.type == PageType::l1; });
    ASSERT_NE(last, pages.rend());
    last->second = {PageType::xtab, {}};
    replace_pages(stream, page_records(pages));
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    EXPECT_TRUE(log_has("1 pages that the stream says the guest does not have are named by"));
    ASSERT_EQ(recorder_.results.size(), 1U);
}

TEST_F(LiveRestore, PagesThatWereGivenBackHaveNoFrameInTheEnd)
{
    StreamPieces stream = split(saves_.front());
    const StreamPages pages = pages_of(stream);
    // Pfns that the guest does not have: it had them when the save began.
    StreamPages gone;
    for (std::uint64_t pfn = 0; pfn < pages.rbegin()->first && gone.size() < 5; ++pfn) {
        if (!pages.contains(pfn) || pages.at(pfn).type == PageType::xtab) {
            gone[pfn] = {PageType::notab, Octets(page_size, std::byte{0x5a})};
        }
    }
    ASSERT_FALSE(gone.empty());
    send_first(stream, gone);
    StreamPages holes;
    for (const auto& [pfn, page] : gone) {
        holes[pfn] = {PageType::xtab, {}};
    }
    const auto end = page_records(holes);
    std::vector<RecordPiece> records;
    for (const RecordPiece& record : stream.records) {
        if (record.type == RecordType::page_data) {
            records.push_back(record);
        }
    }
    records.insert(records.end(), end.begin(), end.end());
    replace_pages(stream, records);
    ASSERT_EQ(restore(saves_.front(), SR_STREAM_PLAIN), 0) << error_.message;
    const std::uint64_t without = nr_pages();
    const std::size_t of_others = frames_full_of(std::byte{0x5a});
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    EXPECT_EQ(nr_pages(), without);
    EXPECT_EQ(frames_full_of(std::byte{0x5a}), of_others)
        << "Xen gives a frame to the next domain with what it holds";
    expect_lives_on_from(0);
}

TEST_F(LiveRestore, OfAPageTwiceInARecordTheLastCounts)
{
    StreamPieces stream = split(saves_.front());
    std::vector<StreamPages::value_type> twice;
    for (const auto& [pfn, page] : pages_of(stream)) {
        // First as what it is not, then as a hole, then as it is.
        twice.push_back({pfn, {PageType::notab, Octets(page_size, std::byte{0x77})}});
        twice.push_back({pfn, {PageType::xtab, {}}});
        twice.push_back({pfn, page});
    }
    replace_pages(stream, {page_data(twice)});
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    expect_lives_on_from(0);
}

TEST_F(LiveRestore, WhatIsWrongWithAPageIsToldBeforeTheStreamsEnd)
{
    StreamPieces stream = split(saves_.front());
    const TablePlace place = find_l1_entry(stream);
    store<std::uint64_t>(place.record->body, place.contents, 0xffff'ffff'f067ULL);
    const auto index = static_cast<std::size_t>(place.record - stream.records.data());
    Octets octets = join(stream);
    octets.resize(stream.boundaries()[index + 1]);  // and the link breaks behind it
    EXPECT_EQ(restore(octets, SR_STREAM_PLAIN), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_MALFORMED) << error_.message;
    EXPECT_EQ(error_.record, index);
    expect_nothing_left();
}

TEST_F(LiveRestore, TheP2mMayGrowAndMoveMeanwhile)
{
    StreamPieces stream = split(saves_.front());
    const RecordPiece whole = stream.first(RecordType::x86_pv_p2m_frames);
    RecordPiece& first = stream.first(RecordType::x86_pv_p2m_frames);
    // Some of it, elsewhere: the leaves are listed in reverse.
    const std::size_t nr = (whole.body.size() - 8) / 8;
    for (std::size_t i = 0; i < nr; ++i) {
        store<std::uint64_t>(first.body, 8 + i * 8,
                             load<std::uint64_t>(whole.body, 8 + (nr - 1 - i) * 8));
    }
    const auto last_pages =
        std::find_if(stream.records.rbegin(), stream.records.rend(),
                     [](const RecordPiece& r) { return r.type == RecordType::page_data; });
    stream.records.insert(last_pages.base(), whole);
    ASSERT_EQ(restore(join(stream), SR_STREAM_PLAIN), 0) << error_.message;
    expect_lives_on_from(0);
}

}  // namespace
}  // namespace sr::test
