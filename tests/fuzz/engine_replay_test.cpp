// SPDX-License-Identifier: LGPL-2.1-or-later
// The fuzz targets over a host in this process, over their seeds and all that was ever found, without libFuzzer.
#include "tests/fuzz/engine.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/fuzz/small_guest.hpp"

#include <gtest/gtest.h>

namespace sr::fuzz {
namespace {

class EngineReplay : public testing::TestWithParam<const Target*> {};

TEST_P(EngineReplay, HoldsForEachSeedAndFinding)
{
    for (const Seed& seed : GetParam()->seeds()) {
        SCOPED_TRACE(seed.name);
        EXPECT_NO_THROW(GetParam()->run(seed.octets));
    }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, EngineReplay,
                         testing::Values(&restore_target, &checkpoints_target, &save_target),
                         [](const auto& made) { return std::string{made.param->name}; });

class SmallGuest : public testing::TestWithParam<GuestWidth> {};

TEST_P(SmallGuest, IsRestored)
{
    InProcessHost& host = InProcessHost::fresh();
    fakexen::Domain& domain = host.make_domain(small_guest::nr_vcpus, small_guest::max_pages);
    const Outcome outcome = restore(host, domain, small_guest_stream(GetParam()));
    EXPECT_TRUE(outcome.done) << outcome.message;
    EXPECT_EQ(domain.nr_pages, small_guest::nr_pfns - 1);
    host.destroy(domain);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, SmallGuest, testing::Values(GuestWidth::bits64, GuestWidth::bits32),
                         [](const auto& made) {
                             return made.param == GuestWidth::bits64 ? "bits64" : "bits32";
                         });

}  // namespace
}  // namespace sr::fuzz
