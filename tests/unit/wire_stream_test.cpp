// SPDX-License-Identifier: LGPL-2.1-or-later
// StreamReader and StreamWriter: framing, padding, places in messages, and what a false length may
// cost.
#include "libsr/wire/limits.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sr {
namespace {

using test::error_of;
using test::golden;
using test::golden_body;
using test::message_of;
using test::octets_of_hex;

Octets joined(std::initializer_list<Octets> parts)
{
    Octets all;
    for (const Octets& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

Octets headers()
{
    return joined({golden("image_header.hex"), golden("domain_header_pv.hex")});
}

/// Reads a stream to its END, PAGE_DATA in parts: what a restore would do, without a domain.
void read_all(std::span<const std::byte> octets)
{
    MemorySource source{octets};
    StreamReader reader{source};
    Octets pages;
    for (;;) {
        const std::uint32_t type = reader.next().type;
        if (type != to_wire(RecordType::page_data)) {
            (void)reader.read_body();
        } else {
            const auto entries = reader.read_page_data_head(Pfn{15});
            pages.resize(entries.size() * page_size);
            std::vector<iovec> parts;
            for (const PageEntry& entry : entries) {
                if (has_contents(entry)) {
                    parts.push_back(
                        iovec_of(std::span{pages}.subspan(parts.size() * page_size, page_size)));
                }
            }
            reader.read_contents(parts);
            reader.finish_body();
        }
        if (type == to_wire(RecordType::end)) {
            return;
        }
    }
}

/// Remembers the most octets that it was asked for at once.
class GreedSource final : public Source {
public:
    explicit GreedSource(std::span<const std::byte> octets) : inner_{octets} {}
    std::size_t read_some(std::span<std::byte> to) override
    {
        most_asked_ = std::max(most_asked_, to.size());
        return inner_.read_some(to);
    }
    std::uint64_t position() const noexcept override { return inner_.position(); }
    std::size_t most_asked() const { return most_asked_; }

private:
    MemorySource inner_;
    std::size_t most_asked_ = 0;
};

TEST(StreamReader, GivesHeadersAndEveryRecordWithItsPlace)
{
    const Octets octets = golden("pv_stream.hex");
    MemorySource source{octets};
    StreamReader reader{source};
    EXPECT_EQ(reader.image_header().version, 3U);
    EXPECT_EQ(reader.domain_header().type, DomainType::x86_pv);
    std::vector<std::uint32_t> types;
    std::uint64_t offset = 40;
    do {
        const RecordHead head = reader.next();
        EXPECT_EQ(head.place.record, types.size());
        EXPECT_EQ(head.place.offset, offset);
        EXPECT_EQ(head.place.type, head.type);
        types.push_back(head.type);
        EXPECT_EQ(reader.read_body().size(), head.length);
        offset += 8 + head.length + padding_of(head.length);
    } while (types.back() != 0);
    const std::vector<std::uint32_t> expected{2, 0x11, 0x12, 0x10, 3, 1, 1, 8, 7, 4, 5, 6, 0xc, 0};
    EXPECT_EQ(types, expected);
    EXPECT_EQ(source.position(), octets.size());
}

TEST(StreamReader, OffsetsCountFromTheImageHeader)
{
    const Octets octets = joined({Octets(100), golden("pv_stream.hex")});
    MemorySource source{octets};
    source.skip(100, "what goes before");
    StreamReader reader{source};
    EXPECT_EQ(reader.next().place.offset, 40U);
}

TEST(StreamReader, ScattersPageContents)
{
    const Octets octets = golden("pv_stream.hex");
    MemorySource source{octets};
    StreamReader reader{source};
    while (reader.next().type != to_wire(RecordType::page_data)) {
        reader.skip_body();
    }
    const auto entries = reader.read_page_data_head(Pfn{15});
    EXPECT_EQ(entries.size(), 9U);
    Octets first(page_size);
    Octets others(5 * page_size);
    iovec one = iovec_of(std::span{first});
    reader.read_contents({&one, 1});
    iovec rest = iovec_of(std::span{others});
    reader.read_contents({&rest, 1});
    EXPECT_EQ(reader.body_left(), 0U);
    reader.finish_body();
    EXPECT_EQ(first, Octets(page_size, std::byte{0xff}));
    EXPECT_EQ(others.back(), std::byte{0x5a});
    EXPECT_EQ(reader.next().type, to_wire(RecordType::page_data));
}

/// True where the octets are all alike for a while: there one cut is as good as its neighbour.
bool is_amid_contents(std::span<const std::byte> octets, std::size_t at)
{
    const auto ahead = octets.subspan(at).first(std::min<std::size_t>(256, octets.size() - at));
    return std::ranges::all_of(ahead, [&](std::byte b) { return b == octets[at]; });
}

TEST(StreamReader, RefusesEveryTruncation)
{
    const Octets octets = golden("pv_stream.hex");
    EXPECT_EQ(error_of([&] { read_all(octets); }), std::nullopt);
    std::size_t n = 0;
    while (n < octets.size()) {
        const Octets cut(octets.data(), octets.data() + n);
        EXPECT_EQ(error_of([&] { read_all(cut); }), Errc::io) << n;
        n += is_amid_contents(octets, n) ? 61U : 1U;
    }
}

TEST(StreamReader, SaysWhereTheStreamEnds)
{
    EXPECT_EQ(message_of([&] { read_all(headers()); }),
              "record 0 (no head) at offset 0x28: the stream ends without an END record");
    const Octets cut = joined({headers(), octets_of_hex("07 00 00 00 00 10 00 00 00*100")});
    EXPECT_EQ(
        message_of([&] { read_all(cut); }),
        "record 0 SHARED_INFO at offset 0x28: the stream ends in the body, after 100 of the 4096 "
        "octets of the body");
}

TEST(StreamReader, RefusesLegacyImages)
{
    const Octets legacy(5000, std::byte{1});
    EXPECT_EQ(error_of([&] { read_all(legacy); }), Errc::unsupported);
}

TEST(StreamReader, BoundsTheLengthOfARecord)
{
    const Octets most = joined({headers(), octets_of_hex("09 00 00 00 00 00 00 08")});
    EXPECT_EQ(error_of([&] { read_all(most); }), Errc::io);
    const Octets over = joined({headers(), octets_of_hex("09 00 00 00 01 00 00 08")});
    EXPECT_EQ(error_of([&] { read_all(over); }), Errc::limit);
    const Octets huge = joined({headers(), octets_of_hex("09 00 00 00 ff ff ff ff")});
    EXPECT_EQ(error_of([&] { read_all(huge); }), Errc::limit);
}

TEST(StreamReader, AsksForNoMoreThanArrives)
{
    // Heads that claim 128 MiB, with little behind them.
    for (const char* hex :
         {"09 00 00 00 00 00 00 08 00*1000",                             // HVM_CONTEXT
          "01 00 00 00 00 00 00 08 ff ff 0f 00 00 00 00 00 00*1000"}) {  // PAGE_DATA
        const Octets octets = joined({headers(), octets_of_hex(hex)});
        GreedSource source{octets};
        StreamReader reader{source};
        if (reader.next().type == to_wire(RecordType::page_data)) {
            EXPECT_EQ(error_of([&] { (void)reader.read_page_data_head(Pfn{15}); }), Errc::io);
        } else {
            EXPECT_EQ(error_of([&] { (void)reader.read_body(); }), Errc::io);
        }
        EXPECT_LE(source.most_asked(), std::size_t{64} << 10);
    }
}

TEST(StreamReader, ReadsLongBodiesWhole)
{
    Octets octets =
        joined({headers(), octets_of_hex("09 00 00 00 03 00 10 00 00*1048576 a1 a2 a3 00*5")});
    octets[48 + 70000] = std::byte{0x77};
    MemorySource source{octets};
    StreamReader reader{source};
    (void)reader.next();
    const auto body = reader.read_body();
    ASSERT_EQ(body.size(), 0x100003U);
    EXPECT_TRUE(std::equal(body.begin(), body.end(), octets.begin() + 48));
    EXPECT_EQ(source.position(), octets.size());
}

TEST(StreamReader, PageDataMustBeAsLongAsItsPages)
{
    const Octets good = joined({headers(), golden("page_data.hex")});
    for (const char* length : {"48 60", "58 60", "50 50", "50 70", "50 00"}) {
        Octets odd = good;
        const Octets other = octets_of_hex(length);
        std::copy(other.begin(), other.end(), odd.begin() + 44);
        odd.resize(odd.size() + 8192);
        EXPECT_EQ(error_of([&] { read_all(odd); }), Errc::malformed) << length;
    }
}

TEST(StreamReader, RefusesAWrongLengthBeforeAnyContents)
{
    for (const char* length : {"50 50", "50 70"}) {
        Octets octets = joined({headers(), golden("page_data.hex")});
        const Octets other = octets_of_hex(length);
        std::copy(other.begin(), other.end(), octets.begin() + 44);
        MemorySource source{octets};
        StreamReader reader{source};
        (void)reader.next();
        EXPECT_EQ(error_of([&] { (void)reader.read_page_data_head(Pfn{15}); }), Errc::malformed);
    }
}

TEST(StreamReader, CanGoPastAListThatDoesNotDecode)
{
    Octets octets = joined({headers(), golden("page_data.hex"), golden("end.hex")});
    octets[40 + 16 + 7] = std::byte{0x50};
    MemorySource source{octets};
    StreamReader reader{source};
    (void)reader.next();
    EXPECT_EQ(message_of([&] { (void)reader.read_page_data_head(Pfn{15}); }),
              "record 0 PAGE_DATA at offset 0x28: PAGE_DATA: pfn 0 has unknown type 0x5");
    reader.skip_body();
    EXPECT_EQ(reader.next().type, 0U);
}

TEST(StreamReader, IgnoresPaddingButSaysWhatItWas)
{
    Octets octets = joined({headers(), golden("hvm_context.hex"), golden("hvm_context.hex")});
    octets[40 + 12] = std::byte{1};
    MemorySource source{octets};
    StreamReader reader{source};
    (void)reader.next();
    (void)reader.read_body();
    EXPECT_FALSE(reader.padding_was_zero());
    (void)reader.next();
    (void)reader.read_body();
    EXPECT_TRUE(reader.padding_was_zero());
}

TEST(StreamReader, InsistsThatBodiesAreFinished)
{
    const Octets octets = joined({headers(), golden("page_data.hex"), golden("end.hex")});
    MemorySource source{octets};
    StreamReader reader{source};
    (void)reader.next();
    (void)reader.read_page_data_head(Pfn{15});
    EXPECT_EQ(error_of([&] { reader.finish_body(); }), Errc::internal);
    EXPECT_EQ(error_of([&] { (void)reader.next(); }), Errc::internal);
    Octets more(reader.body_left() + 1);
    EXPECT_EQ(error_of([&] { reader.read_part(more, "more"); }), Errc::malformed);
}

/// Counts writes and can fail one of them.
class CountingSink final : public Sink {
public:
    void write_gathered(std::span<iovec> parts) override
    {
        ++nr_writes_;
        if (nr_writes_ == fail_at) {
            throw Error::from_errno(Errc::io, ENOSPC, "write");
        }
        inner_.write_gathered(parts);
    }
    std::uint64_t position() const noexcept override { return inner_.position(); }
    const Octets& octets() const { return inner_.octets(); }
    int nr_writes() const { return nr_writes_; }
    int fail_at = 0;

private:
    MemorySink inner_;
    int nr_writes_ = 0;
};

TEST(StreamWriter, WritesTheGoldenStream)
{
    const Octets expected = golden("pv_stream.hex");
    MemorySource source{expected};
    StreamReader reader{source};
    CountingSink sink;
    StreamWriter writer{sink, reader.domain_header()};
    for (;;) {
        const RecordHead head = reader.next();
        if (head.type == to_wire(RecordType::page_data)) {
            const auto entries = reader.read_page_data_head(Pfn{15});
            Octets pages(reader.body_left());
            reader.read_part(pages, "pages");
            reader.finish_body();
            std::vector<iovec> parts;
            for (std::size_t at = 0; at < pages.size(); at += page_size) {
                parts.push_back(iovec_of(std::span<const std::byte>{pages}.subspan(at, page_size)));
            }
            writer.write_page_data(entries, parts);
        } else {
            const auto body = reader.read_body();
            const std::size_t middle = body.size() / 3;
            writer.write_record(head.type, {body.first(middle), body.subspan(middle)});
        }
        if (head.type == 0) {
            break;
        }
    }
    EXPECT_EQ(sink.octets(), expected);
    EXPECT_EQ(sink.nr_writes(), 1 + 14);
    EXPECT_EQ(writer.nr_records(), 14U);
}

TEST(StreamWriter, SaysWhichRecordFailed)
{
    CountingSink sink;
    sink.fail_at = 3;
    StreamWriter writer{sink, {DomainType::x86_pv, 4, 17}};
    writer.write_record(RecordType::x86_pv_info, {golden_body("x86_pv_info.hex")});
    try {
        writer.write_record(RecordType::static_data_end);
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.errnum(), ENOSPC);
        EXPECT_EQ(std::string{e.what()}.find("record 1 STATIC_DATA_END at offset 0x38: "), 0U)
            << e.what();
    }
}

TEST(StreamWriter, RefusesContentsThatAreNotThePages)
{
    MemorySink sink;
    StreamWriter writer{sink, {DomainType::x86_hvm, 4, 17}};
    writer.write_record(RecordType::static_data_end);
    const std::uint64_t start = sink.position();
    const std::vector<PageEntry> entries{{Pfn{1}, PageType::notab}, {Pfn{2}, PageType::xtab}};
    const Octets page(page_size);
    const iovec parts[] = {iovec_of(page), iovec_of(page)};
    EXPECT_EQ(error_of([&] { writer.write_page_data(entries, parts); }), Errc::internal);
    EXPECT_EQ(error_of([&] { writer.write_page_data(entries, {}); }), Errc::internal);
    EXPECT_EQ(error_of([&] { writer.write_page_data({}, {}); }), Errc::internal);
    EXPECT_EQ(sink.position(), start);
    writer.write_page_data(entries, std::span{parts}.first(1));
    EXPECT_EQ(sink.position(), start + 8 + 8 + 16 + page_size);
}

TEST(StreamWriter, RefusesRecordsOutOfOrder)
{
    MemorySink sink;
    StreamWriter writer{sink, {DomainType::x86_hvm, 4, 17}};
    EXPECT_EQ(
        message_of([&] { writer.write_record(RecordType::end); }),
        "record 0 END at offset 0x28: must not be written: comes without PAGE_DATA before it");
    writer.write_record(RecordType::static_data_end);
    writer.write_record(RecordType::hvm_context, {golden_body("hvm_context.hex")});
    EXPECT_EQ(error_of([&] { writer.write_record(RecordType::hvm_params); }), Errc::internal);
}

TEST(StreamWriter, TakesAFullBatchAndNoMore)
{
    MemorySink sink;
    StreamWriter writer{sink, {DomainType::x86_hvm, 4, 17}};
    writer.write_record(RecordType::static_data_end);
    const std::uint64_t start = sink.position();
    std::vector<PageEntry> entries(limits::pages_per_record, PageEntry{Pfn{1}, PageType::notab});
    const Octets page(page_size);
    std::vector<iovec> parts(entries.size(), iovec_of(page));
    writer.write_page_data(entries, parts);
    EXPECT_EQ(sink.position(), start + 8 + 8 + entries.size() * (8 + page_size));
    entries.push_back(entries.front());
    parts.push_back(parts.front());
    EXPECT_EQ(error_of([&] { writer.write_page_data(entries, parts); }), Errc::internal);
}

}  // namespace
}  // namespace sr
