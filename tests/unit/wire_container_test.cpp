// SPDX-License-Identifier: LGPL-2.1-or-later
// Containers: recognised without being told, read around the libxc stream, refused with a sentence
// that helps.
#include "libsr/wire/container.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sr {
namespace {

using test::error_of;
using test::golden;
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

Octets with(Octets octets, std::size_t at, const std::string& hex)
{
    const Octets other = octets_of_hex(hex);
    std::copy(other.begin(), other.end(), octets.begin() + static_cast<std::ptrdiff_t>(at));
    return octets;
}

/// Reads the libxc stream to its END.
void read_libxc(Container& container)
{
    StreamReader reader{container.libxc()};
    while (reader.next().type != to_wire(RecordType::end)) {
        reader.skip_body();
    }
    reader.skip_body();
}

/// Reads a whole container as far as it goes.
void read_whole(const Octets& octets)
{
    MemorySource source{octets};
    Container container{source};
    read_libxc(container);
    container.read_tail();
    (void)container.count_trailing();
}

std::string refusal(const Octets& octets)
{
    return message_of([&] {
        MemorySource source{octets};
        const Container container{source};
    });
}

TEST(PeekSource, GivesAgainWhatWasPeekedAt)
{
    const Octets octets = octets_of_hex("01 02 03 04 05 06 07 08 09 0a");
    MemorySource inner{octets};
    PeekSource source{inner};
    EXPECT_EQ(source.peek(4).size(), 4U);
    EXPECT_EQ(source.position(), 0U);
    std::array<std::byte, 3> three{};
    EXPECT_EQ(source.read_some(three), 3U);
    EXPECT_EQ(three[2], std::byte{3});
    EXPECT_EQ(source.position(), 3U);
    EXPECT_EQ(source.peek(2)[0], std::byte{4});
    std::array<std::byte, 4> four{};
    iovec part = iovec_of(std::span<std::byte>{four});
    source.read_scattered({&part, 1}, "four");
    EXPECT_EQ(four[0], std::byte{4});
    EXPECT_EQ(four[3], std::byte{7});
    EXPECT_EQ(source.peek(64).size(), 3U);
    EXPECT_EQ(source.read_some(four), 3U);
    EXPECT_EQ(source.position(), 10U);
    EXPECT_TRUE(source.peek(1).empty());
    EXPECT_EQ(error_of([&] { (void)source.peek(65); }), Errc::internal);
}

TEST(Container, ReadsALibxcStreamWithNothingAroundIt)
{
    const Octets octets = golden("pv_stream.hex");
    MemorySource source{octets};
    Container container{source};
    EXPECT_EQ(container.kind(), ContainerKind::libxc);
    read_libxc(container);
    container.read_tail();
    EXPECT_TRUE(container.records().empty());
    EXPECT_FALSE(container.xl());
    EXPECT_EQ(container.count_trailing(), 0U);
}

TEST(Container, ReadsAnXlFile)
{
    const Octets octets = joined({golden("xl_pv_file.hex"), Octets(44, std::byte{'x'})});
    MemorySource source{octets};
    Container container{source};
    EXPECT_EQ(container.kind(), ContainerKind::xl);
    ASSERT_TRUE(container.xl());
    EXPECT_TRUE(container.xl()->config_is_json);
    EXPECT_EQ(container.xl()->config, "{\"a\":1}  \n");
    read_libxc(container);
    container.read_tail();
    ASSERT_EQ(container.records().size(), 2U);
    EXPECT_EQ(container.records()[0].head.type, 1U);
    EXPECT_EQ(container.records()[1].head.type, 0U);
    EXPECT_EQ(container.count_trailing(), 44U);
    EXPECT_TRUE(container.deviations().empty());
}

TEST(Container, ReadsALibxlStreamWithItsEmulator)
{
    const Octets octets = golden("libxl_hvm_stream.hex");
    MemorySource source{octets};
    Container container{source};
    EXPECT_EQ(container.kind(), ContainerKind::libxl);
    EXPECT_FALSE(container.converted_from_legacy());
    read_libxc(container);
    container.read_tail();
    ASSERT_EQ(container.records().size(), 4U);
    const LibxlRecord& xenstore = container.records()[1];
    EXPECT_EQ(xenstore.emulator_id, 2U);
    EXPECT_EQ(xenstore.emulator_index, 1U);
    const std::vector<std::pair<std::string, std::string>> pairs{{"a/b", "xy"}, {"c", "d"}};
    EXPECT_EQ(xenstore.xenstore, pairs);
    EXPECT_EQ(container.records()[2].emulator_id, 2U);
    EXPECT_EQ(container.count_trailing(), 0U);
}

TEST(Container, ReadsTheRecordsBetweenCheckpoints)
{
    const Octets octets =
        joined({golden("libxl_head.hex"), golden("libxl_libxc_context.hex"),
                golden("libxl_emulator_context.hex"), golden("libxl_checkpoint_end.hex"),
                golden("libxl_checkpoint_state.hex"), golden("libxl_end.hex")});
    MemorySource source{octets};
    Container container{source};
    container.read_checkpoint();
    EXPECT_EQ(container.records().size(), 3U);
    EXPECT_EQ(error_of([&] { container.read_checkpoint(); }), Errc::malformed);  // END comes first
}

/// Remus takes some five a second.
TEST(Container, ReadsMoreCheckpointsThanItKeepsRecordsOf)
{
    Octets octets = joined({golden("libxl_head.hex"), golden("libxl_libxc_context.hex")});
    constexpr std::size_t nr_checkpoints = 2 * limits::libxl_records_max;
    const Octets end = golden("libxl_checkpoint_end.hex");
    for (std::size_t i = 0; i < nr_checkpoints; ++i) {
        octets.insert(octets.end(), end.begin(), end.end());
    }
    const Octets last = golden("libxl_end.hex");
    octets.insert(octets.end(), last.begin(), last.end());
    MemorySource source{octets};
    Container container{source};
    for (std::size_t i = 0; i < nr_checkpoints; ++i) {
        container.read_checkpoint();
    }
    container.read_tail();
    EXPECT_EQ(container.count_trailing(), 0U);
    EXPECT_EQ(container.records().size(), limits::libxl_records_max);
}

TEST(Container, RefusesEveryTruncationOfAnXlFile)
{
    const Octets octets = golden("xl_pv_file.hex");
    EXPECT_EQ(error_of([&] { read_whole(octets); }), std::nullopt);
    for (std::size_t n = 0; n < 200; ++n) {
        const Octets cut(octets.data(), octets.data() + n);
        const auto error = error_of([&] { read_whole(cut); });
        EXPECT_EQ(error, n > 0 && n < 32 ? Errc::unsupported : Errc::io) << n;
    }
    for (std::size_t n = octets.size() - 40; n < octets.size(); ++n) {
        const Octets cut(octets.data(), octets.data() + n);
        EXPECT_EQ(error_of([&] { read_whole(cut); }), Errc::io) << n;
    }
}

TEST(Container, SaysWhatElseAFileIs)
{
    EXPECT_EQ(refusal({}), "the stream is empty");
    EXPECT_NE(refusal(octets_of_hex("fd 37 7a 58 5a 00 00")).find("unpack it first"),
              std::string::npos);
    EXPECT_NE(refusal(octets_of_hex("7f 45 4c 46 02")).find("ELF"), std::string::npos);
    EXPECT_EQ(refusal(octets_of_hex("00 01 02")), "not a stream of a Xen domain: it starts with 00 "
                                                  "01 02 (images of Xen before 4.6 go through "
                                                  "Xen's convert-legacy-stream first)");
}

TEST(Container, RefusesXlHeadersItCannotRead)
{
    const Octets good = golden("xl_pv_file.hex");
    const auto error = [&](std::size_t at, const char* hex) {
        return error_of([&] { read_whole(with(good, at, hex)); });
    };
    EXPECT_EQ(error(32, "01 02 03 04"), Errc::unsupported);  // big-endian
    EXPECT_EQ(error(32, "00"), Errc::malformed);
    EXPECT_EQ(error(36, "07"), Errc::unsupported);      // an unknown mandatory flag
    EXPECT_EQ(error(36, "01"), Errc::unsupported);      // a legacy stream inside
    EXPECT_EQ(error(36, "02"), std::nullopt);           // a configuration that is not JSON
    EXPECT_EQ(error(40, "ff ff ff ff"), std::nullopt);  // optional flags may be ignored
    EXPECT_EQ(error(44, "ff ff ff ff"), Errc::limit);
    EXPECT_EQ(error(44, "00 00 00 01"), Errc::io);  // 16 MiB that do not come
    EXPECT_EQ(error(44, "03"), Errc::malformed);    // no room for the length
    EXPECT_EQ(error(48, "0c"), Errc::malformed);    // longer than the optional data
    EXPECT_EQ(error(48, "ff ff ff ff"), Errc::malformed);
}

TEST(Container, RefusesLibxlHeadersItCannotRead)
{
    const Octets good = golden("libxl_hvm_stream.hex");
    const auto error = [&](std::size_t at, const char* hex) {
        return error_of([&] { read_whole(with(good, at, hex)); });
    };
    EXPECT_EQ(error(0, "4d"), Errc::unsupported);
    EXPECT_EQ(error(11, "01"), Errc::unsupported);
    EXPECT_EQ(error(11, "03"), Errc::unsupported);
    EXPECT_EQ(error(15, "01"), Errc::unsupported);  // big-endian
    EXPECT_EQ(error(15, "02"), std::nullopt);       // converted from a legacy stream
    const Octets xl = golden("xl_pv_file.hex");
    EXPECT_EQ(error_of([&] { read_whole(with(xl, 63, "00")); }), Errc::malformed);
}

TEST(Container, RefusesLibxlRecordsOutOfPlace)
{
    const Octets head = golden("libxl_head.hex");
    const Octets context = golden("libxl_libxc_context.hex");
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, golden("libxl_end.hex")}));
              }),
              Errc::malformed);
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, context, golden("pv_stream.hex"), context}));
              }),
              Errc::malformed);
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, octets_of_hex("06 00 00 00 00 00 00 00")}));
              }),
              Errc::unsupported);
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, octets_of_hex("01 00 00 00 01 00 00 00 00*8")}));
              }),
              Errc::malformed);
}

TEST(Container, BoundsWhatALibxlStreamMayCost)
{
    const Octets head = golden("libxl_head.hex");
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, octets_of_hex("03 00 00 00 01 00 00 40")}));
              }),
              Errc::limit);
    EXPECT_EQ(error_of([&] {
                  read_whole(joined({head, octets_of_hex("02 00 00 00 09 00 10 00 00*8")}));
              }),
              Errc::limit);
    Octets many = head;
    for (std::size_t i = 0; i <= limits::libxl_records_max; ++i) {
        many = joined({many, golden("libxl_checkpoint_end.hex")});
    }
    EXPECT_EQ(error_of([&] { read_whole(many); }), Errc::limit);
}

TEST(Container, RefusesXenstoreStringsWithoutAnEnd)
{
    const Octets good = golden("libxl_hvm_stream.hex");
    const std::size_t at = good.size() - 8 - 24 - 32;  // END, context, xenstore
    EXPECT_EQ(error_of([&] { read_whole(with(good, at + 26, "65")); }), Errc::malformed);
    EXPECT_EQ(error_of([&] { read_whole(with(good, at + 24, "65")); }),
              Errc::malformed);  // a key alone
}

TEST(Container, NotesWhatARestoreIgnores)
{
    const auto deviations = [](const Octets& octets) {
        MemorySource source{octets};
        Container container{source};
        read_libxc(container);
        container.read_tail();
        return container.deviations();
    };
    const Octets good = golden("libxl_hvm_stream.hex");
    const auto reserved = deviations(with(good, 15, "04"));
    ASSERT_EQ(reserved.size(), 1U);
    EXPECT_EQ(reserved[0].kind, ContainerDeviation::Kind::reserved);
    const auto padding = deviations(with(good, good.size() - 9, "01"));
    ASSERT_EQ(padding.size(), 1U);
    EXPECT_EQ(padding[0].kind, ContainerDeviation::Kind::padding);
    EXPECT_EQ(padding[0].sentence, "EMULATOR_CONTEXT: padding is not zero");
    const auto unknown = deviations(joined(
        {golden("libxl_head.hex"), golden("optional_unknown.hex"),
         golden("libxl_libxc_context.hex"), golden("pv_stream.hex"), golden("libxl_end.hex")}));
    ASSERT_EQ(unknown.size(), 1U);
    EXPECT_EQ(unknown[0].kind, ContainerDeviation::Kind::unknown);
    EXPECT_EQ(unknown[0].offset, 16U);
}

TEST(XlFile, WrittenIsGolden)
{
    MemorySink sink;
    write_xl_head(sink, "{\"a\":1}  \n");
    sink.write(golden("pv_stream.hex"));
    write_libxl_tail(sink);
    EXPECT_EQ(sink.octets(), golden("xl_pv_file.hex"));
    EXPECT_EQ(error_of([&] { write_xl_head(sink, std::string(16 << 20, ' ')); }), Errc::limit);
}

}  // namespace
}  // namespace sr
