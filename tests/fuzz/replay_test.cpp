// SPDX-License-Identifier: LGPL-2.1-or-later
// Every fuzz target over its seeds and all that was ever found, by any compiler and without libFuzzer; and the mutator.
#include "tests/fuzz/mutate.hpp"
#include "tests/fuzz/seeds.hpp"

#include <gtest/gtest.h>

namespace sr::fuzz {
namespace {

class Replay : public testing::TestWithParam<const Target*> {};

TEST_P(Replay, HoldsForEachSeedAndFinding)
{
    const auto seeds = GetParam()->seeds();
    EXPECT_FALSE(seeds.empty());
    for (const Seed& seed : seeds) {
        SCOPED_TRACE(seed.name);
        EXPECT_NO_THROW(GetParam()->run(seed.octets));
    }
}

TEST_P(Replay, HoldsForTruncatedSeeds)
{
    constexpr std::size_t cuts = 40;
    for (const Seed& seed : GetParam()->seeds()) {
        SCOPED_TRACE(seed.name);
        for (std::size_t cut = 0; cut < cuts; ++cut) {
            const Octets part(seed.octets.data(),
                              seed.octets.data() + seed.octets.size() * cut / cuts);
            EXPECT_NO_THROW(GetParam()->run(part));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay,
                         testing::Values(&decode_target, &blobs_target, &framing_target,
                                         &container_target, &stream_target),
                         [](const auto& made) { return std::string{made.param->name}; });

/// Something to change octets with where libFuzzer is not there.
std::size_t flip_first(std::byte* octets, std::size_t size, std::size_t)
{
    if (size > 0) {
        octets[0] ^= std::byte{1};
    }
    return size;
}

TEST(StreamParts, AreTheStream)
{
    for (const Seed& seed : golden_seeds(
             {"pv_stream.hex", "pv_stream_grants.hex", "libxl_hvm_stream.hex", "xl_pv_file.hex"})) {
        SCOPED_TRACE(seed.name);
        const StreamParts parts = split(seed.octets);
        EXPECT_FALSE(parts.records.empty());
        EXPECT_EQ(join(parts), seed.octets);
    }
}

TEST(StreamParts, KeepWhateverIsNoStream)
{
    const Octets junk(99, std::byte{7});
    EXPECT_EQ(join(split(junk)), junk);
    EXPECT_EQ(join(split({})), Octets{});
}

TEST(StreamMutator, KeepsTheFraming)
{
    const StreamParts whole = split(test::golden("pv_stream.hex"));
    unsigned nr_changed = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        StreamParts parts = whole;
        StreamMutator mutator{seed, flip_first};
        mutator.mutate(parts);
        mutator.cross(parts, whole);
        const Octets joined = join(parts);
        EXPECT_EQ(join(split(joined)), joined);
        nr_changed += joined != join(whole) ? 1U : 0U;
    }
    EXPECT_GT(nr_changed, 400U);
}

}  // namespace
}  // namespace sr::fuzz
