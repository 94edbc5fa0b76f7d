// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the framing of records: the first octet says how bodies are taken and how long they may be, the rest is framed,
// and a model of a dozen lines says what must come out.
#include "libsr/wire/limits.hpp"
#include "libsr/wire/record_framing.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/seeds.hpp"

#include <algorithm>

namespace sr::fuzz {
namespace {

/// Where a record stands in the octets, by arithmetic alone.
struct Expected {
    std::uint64_t body;  ///< offset of its body
    std::uint32_t length;
    std::uint64_t end;  ///< behind its padding; may lie beyond the octets
};

Expected expected_at(Input octets, std::uint64_t at)
{
    const std::uint64_t body = at + sizeof(RecordHeader);
    const auto length = load<RecordHeader>(octets, at).length.value();
    return {body, length, body + (std::uint64_t{length} + 7) / 8 * 8};
}

enum class Way : std::uint8_t { whole, skipped, in_parts, scattered, part_then_skipped };

void take_in_parts(RecordFraming& framing, Octets& body)
{
    constexpr std::size_t piece = 4099;
    while (framing.body_left() > 0) {
        const std::size_t before = body.size();
        body.resize(before + std::min<std::size_t>(piece, framing.body_left()));
        framing.read_part(std::span{body}.subspan(before), "part");
    }
    framing.finish_body();
}

void take_scattered(RecordFraming& framing, Octets& body)
{
    body.resize(framing.body_left());
    const std::span<std::byte> all{body};
    const std::size_t middle = body.size() / 3;
    iovec parts[] = {iovec_of(all.first(middle)), iovec_of(all.subspan(middle))};
    framing.read_scattered(parts, "scattered");
    framing.finish_body();
}

/// Takes the body. @return its octets where that way shows them
std::optional<Octets> take_body(RecordFraming& framing, Way way, std::size_t left)
{
    Octets body;
    switch (way) {
    case Way::whole: {
        const auto octets = framing.read_body();
        return Octets{octets.begin(), octets.end()};
    }
    case Way::scattered:
        if (framing.body_left() <=
            left) {  // the buffers are the caller's: it would not make them for a mere claim
            take_scattered(framing, body);
            return body;
        }
        [[fallthrough]];
    case Way::in_parts:
        take_in_parts(framing, body);
        return body;
    case Way::part_then_skipped:
        body.resize(std::min<std::size_t>(framing.body_left(), 5));
        framing.read_part(body, "part");
        [[fallthrough]];
    case Way::skipped:
        break;
    }
    framing.skip_body();
    return std::nullopt;
}

void check_record(Input octets, const Expected& expected, RecordFraming& framing,
                  const std::optional<Octets>& body)
{
    require(expected.end <= octets.size(), "a record was read that is not all there");
    if (body) {
        require(same_octets(*body, octets.subspan(expected.body, expected.length)),
                "a body has other octets");
    }
    const auto padding = octets.subspan(expected.body + expected.length,
                                        expected.end - expected.body - expected.length);
    const bool is_zero =
        std::ranges::all_of(padding, [](std::byte b) { return b == std::byte{0}; });
    require(framing.padding_was_zero() == is_zero, "padding was misjudged");
}

/// Reads records to the first that cannot be, as the model says. @param position  of the next record's head
void frame_all(Input octets, unsigned choice, std::uint32_t length_max, std::uint64_t& position)
{
    MemorySource source{octets};
    RecordFraming framing{source, 0, length_max, [](std::uint32_t) { return "record"; }};
    for (std::uint64_t number = 0;; ++number) {
        const RecordHead head = framing.next();
        const Expected expected = expected_at(octets, position);
        require(head.place.record == number && head.place.offset == position,
                "a record in another place");
        require(head.length == expected.length && head.length <= length_max,
                "a record of another length");
        const auto way = static_cast<Way>((choice + number) % 5);
        check_record(octets, expected, framing,
                     take_body(framing, way, octets.size() - expected.body));
        position = expected.end;
        require(source.position() == position, "a record's end is in another place");
    }
}

/// Whether a record that could be read begins there.
bool could_be_read(Input octets, std::uint64_t at, std::uint32_t length_max)
{
    if (octets.size() - at < sizeof(RecordHeader)) {
        return false;
    }
    const Expected expected = expected_at(octets, at);
    return expected.length <= length_max && expected.end <= octets.size();
}

void run(Input input)
{
    Choices choices{input};
    const unsigned choice = choices.octet();
    const std::uint32_t length_max = choice < 128 ? limits::record_length_max : 512;
    const Octets octets = choices.rest();
    std::uint64_t position = 0;
    require(!survives([&] { frame_all(octets, choice, length_max, position); }),
            "records without end");
    require(!could_be_read(octets, position, length_max), "a good record was refused");
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made = findings_of("framing");
    for (const unsigned choice : {0U, 1U, 2U, 3U, 4U, 130U}) {
        for (Seed& seed :
             golden_seeds({"x86_pv_info.hex", "x86_pv_vcpu_msrs.hex", "optional_unknown.hex"})) {
            const Octets end = test::golden("end.hex");
            seed.octets.insert(seed.octets.end(), end.begin(), end.end());
            made.push_back(
                {seed.name + "." + std::to_string(choice), prefixed({choice}, seed.octets)});
        }
    }
    return made;
}

}  // namespace

const Target framing_target = {"framing", run, seeds};

}  // namespace sr::fuzz
