// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes a restore of a checkpointed stream: whatever comes after a whole checkpoint, the domain is what that one said.
#include "libsr/wire/record_type.hpp"
#include "tests/fuzz/engine.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/fuzz/small_guest.hpp"
#include "tests/fuzz/stream_parts.hpp"

#include <algorithm>
#include <cstdlib>

namespace sr::fuzz {
namespace {

/// What can be said of a domain without a look at where its frames are.
struct Restored {
    Outcome outcome;
    std::uint64_t nr_pages = 0;
};

Restored restored(Input stream)
{
    InProcessHost& host = InProcessHost::fresh();
    fakexen::Domain& domain = host.make_domain(small_guest::nr_vcpus, small_guest::max_pages);
    Restored result{restore(host, domain, stream, SR_STREAM_REMUS), 0};
    result.nr_pages = domain.nr_pages;
    host.destroy(domain);
    return result;
}

void run(Input input)
{
    const Restored whole = restored(input);
    const Outcome& outcome = whole.outcome;
    if (outcome.failed_over_to == 0) {
        return;
    }
    require(outcome.failed_over_to <= outcome.checkpoints.size(), "no such checkpoint");
    // As if the stream had broken off there.
    const Restored cut = restored(
        input.first(static_cast<std::size_t>(outcome.checkpoints[outcome.failed_over_to - 1])));
    require(cut.outcome.failed_over_to == outcome.failed_over_to, "a checkpoint was none");
    require(cut.outcome.done == outcome.done, ("what came after a checkpoint changed the guest: " +
                                               outcome.message + cut.outcome.message)
                                                  .c_str());
    require(cut.nr_pages == whole.nr_pages, "what came after a checkpoint left frames");
}

/// The small guest, then what `change` makes of a second checkpoint, and the beginning of a third.
template <typename Change>
Octets checkpoints(GuestWidth width, Change&& change)
{
    StreamParts stream = split(small_guest_stream(width));
    const auto pages =
        std::find_if(stream.records.begin(), stream.records.end(), [](const Record& record) {
            return record.type == to_wire(RecordType::page_data);
        });
    std::vector<Record> again{pages, stream.records.end()};
    stream.records.back().type = again.back().type = to_wire(RecordType::checkpoint);
    change(again);
    stream.records.insert(stream.records.end(), again.begin(), again.end());
    stream.records.push_back(again.front());
    return join(stream);
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made = findings_of("checkpoints");
    for (const GuestWidth width : {GuestWidth::bits64, GuestWidth::bits32}) {
        const std::string bits = width == GuestWidth::bits64 ? "-64" : "-32";
        made.push_back({"again" + bits, checkpoints(width, [](std::vector<Record>&) {})});
        made.push_back({"fewer" + bits, checkpoints(width, [](std::vector<Record>& records) {
                            auto pages = pages_of(records.front());
                            pages->resize(3);
                            records.front() = record_of(*pages);
                            records.insert(records.begin(), {0x8000'0001, Octets(5)});
                        })});
        made.push_back({"gone" + bits, checkpoints(width, [](std::vector<Record>& records) {
                            auto pages = pages_of(records.front());
                            pages->front() = {std::uint64_t{0xf} << 60U, {}};
                            records.front() = record_of(*pages);
                        })});
        made.push_back({"broken" + bits, checkpoints(width, [](std::vector<Record>& records) {
                            records.insert(records.begin() + 1, {0x1234, Octets(9)});
                        })});
        made.push_back({"ended" + bits, checkpoints(width, [](std::vector<Record>& records) {
                            records.back().type = to_wire(RecordType::end);
                        })});
    }
    return made;
}

}  // namespace

const Target checkpoints_target = {"checkpoints", run, seeds, true};

}  // namespace sr::fuzz
