// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes a whole restore: a stream goes through sr_restore into a small domain of a host in this process.
#include "tests/fuzz/engine.hpp"
#include "tests/fuzz/live_guest.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/fuzz/small_guest.hpp"

namespace sr::fuzz {
namespace {

void run(Input input)
{
    InProcessHost& host = InProcessHost::fresh();
    fakexen::Domain& domain = host.make_domain(small_guest::nr_vcpus, small_guest::max_pages);
    const Outcome outcome = restore(host, domain, input);
    host.destroy(domain);
    if (outcome.done) {
        // Tables that do not fit together are errors to verify, but an empty one does no harm.
        const std::string error = verify_error(input, false);
        require(error.empty(), ("restored, although verify refuses it: " + error).c_str());
    }
}

/// What a save of the small guest writes: all records that a host of today knows.
Octets saved(GuestWidth width)
{
    InProcessHost& host = InProcessHost::fresh();
    LiveGuest guest{host, width};
    guest.suspend(P2mKind::linear_list);
    Octets stream;
    const Outcome outcome = save(host, guest.domain(), stream);
    require(outcome.done, outcome.message.c_str());
    host.destroy(guest.domain());
    return stream;
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made = findings_of("restore");
    made.push_back({"small-64", small_guest_stream(GuestWidth::bits64)});
    made.push_back({"small-32", small_guest_stream(GuestWidth::bits32)});
    made.push_back({"saved-64", saved(GuestWidth::bits64)});
    made.push_back({"saved-32", saved(GuestWidth::bits32)});
    for (Seed& seed : golden_seeds({"pv_stream.hex", "pv_stream_v2.hex", "pv_stream_grants.hex"})) {
        made.push_back(std::move(seed));
    }
    return made;
}

}  // namespace

const Target restore_target = {"restore", run, seeds, true};

}  // namespace sr::fuzz
