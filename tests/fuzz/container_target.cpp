// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the containers of a libxc stream: two octets say how long that is and what comes after it, the rest is read.
#include "libsr/wire/container.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/seeds.hpp"

#include <algorithm>

namespace sr::fuzz {
namespace {

void check_xl_header(const XlHeader& xl)
{
    require(xl.config.size() <= limits::xl_config_length_max, "a configuration longer than any");
    if (!xl.config_is_json) {
        return;
    }
    MemorySink sink;
    write_xl_head(sink, xl.config);
    MemorySource source{sink.octets()};
    Container again{source};
    require(again.kind() == ContainerKind::xl && again.xl() && again.xl()->config == xl.config,
            "an xl file is not read as it was written");
    require(again.deviations().empty(), "what we write deviates");
}

void check_records(const Container& container, std::uint64_t size)
{
    require(container.records().size() <= limits::libxl_records_max,
            "more libxl records than are kept");
    require(container.deviations().size() <= limits::libxl_records_max,
            "more deviations than are kept");
    std::size_t nr_pairs = 0;
    for (const LibxlRecord& record : container.records()) {
        require(record.head.place.offset < size, "a libxl record behind the end");
        nr_pairs += record.xenstore.size();
    }
    require(nr_pairs <= limits::libxl_xenstore_pairs_max, "more of xenstore than is kept");
    for (const ContainerDeviation& deviation : container.deviations()) {
        require(deviation.offset <= size && !deviation.sentence.empty(),
                "a deviation behind the end, or without words");
    }
}

void read_all(Input octets, unsigned libxc_length, unsigned ending)
{
    MemorySource source{octets};
    Container container{source};
    const std::uint64_t start = container.libxc().position();
    if (container.xl()) {
        check_xl_header(*container.xl());
    }
    check_records(container, octets.size());
    container.libxc().skip(libxc_length, "the libxc stream");
    require(container.libxc().position() == start + libxc_length,
            "a libxc stream of another length");
    if (ending % 2 == 1) {
        container.read_checkpoint();
    }
    container.read_tail();
    check_records(container, octets.size());
    const std::uint64_t left = octets.size() - container.libxc().position();
    require(container.count_trailing() == left, "octets after the end are miscounted");
}

void run(Input input)
{
    Choices choices{input};
    const unsigned libxc_length = choices.octet();
    const unsigned ending = choices.octet();
    const Octets octets = choices.rest();
    (void)survives([&] { read_all(octets, libxc_length, ending); });
}

/// Some libxl records that stand after a libxc stream.
Octets after(std::initializer_list<const char*> names)
{
    Octets octets;
    for (const char* name : names) {
        const Octets record = test::golden(name);
        octets.insert(octets.end(), record.begin(), record.end());
    }
    return octets;
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made = findings_of("container");
    const Octets xl = after({"xl_head.hex", "libxl_head.hex", "libxl_libxc_context.hex"});
    const Octets libxl = after({"libxl_head.hex", "libxl_libxc_context.hex"});
    const Octets emulator =
        after({"libxl_emulator_xenstore_data.hex", "libxl_emulator_context.hex", "libxl_end.hex"});
    const Octets checkpoint =
        after({"libxl_checkpoint_state.hex", "libxl_checkpoint_end.hex", "libxl_end.hex"});
    const auto add = [&](const char* name, unsigned ending, Octets head, const Octets& tail) {
        head.insert(head.end(), tail.begin(), tail.end());
        made.push_back({name, prefixed({0, ending}, head)});
    };
    add("xl-end", 0, xl, test::golden("libxl_end.hex"));
    add("xl-emulator", 0, xl, emulator);
    add("libxl-emulator", 0, libxl, emulator);
    add("libxl-checkpoint", 1, libxl, checkpoint);
    add("libxc", 0, test::golden("image_header.hex"), {});
    return made;
}

}  // namespace

const Target container_target = {"container", run, seeds};

}  // namespace sr::fuzz
