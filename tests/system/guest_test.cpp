// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest's life on one fakexen host: it runs, suspends, goes on, and finds itself whole.
#include "tests/support/fakehost.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <tuple>

namespace sr::test {
namespace {

using Options = std::vector<std::string>;

Options with(Options options, const Options& more)
{
    options.insert(options.end(), more.begin(), more.end());
    return options;
}

/// Options of a small guest that works fast.
Options small_with(const Options& more = {})
{
    return with({"--memory", "16M", "--seed", "7", "--period", "1"}, more);
}

/// Each kind of guest that the tests below live through.
struct Kind {
    const char* name;
    Options options;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's
void PrintTo(const Kind& kind, std::ostream* out)
{
    *out << kind.name;
}

std::vector<Kind> all_kinds()
{
    return {
        {"List", {}},
        {"ListAtAnyAlignment", {"--p2m-offset", "10M"}},
        {"Tree", {"--p2m", "tree"}},
        {"Holes", {"--holes", "300", "--trailing-holes", "1100"}},
        {"Sparse", {"--sparse", "300000"}},
        {"SparseTree", {"--sparse", "300000", "--p2m", "tree"}},
        {"PaeList", {"--bits", "32"}},
        {"PaeTree", {"--bits", "32", "--p2m", "tree", "--vcpus", "3", "--offline", "1"}},
        {"PaeSparse", {"--bits", "32", "--sparse", "300000", "--p2m-offset", "4096"}},
        {"ManyVcpus", {"--vcpus", "5", "--offline", "2"}},
        {"VcpusBeyondSharedInfo", {"--vcpus", "128", "--offline", "60"}},
        {"MemoryGivenBack", {"--give-back", "700"}},
        {"StaleTables", {"--stale-tables"}},
        {"SharedInfoKept", {"--keep-shared-info"}},
    };
}

class GuestTest : public testing::TestWithParam<Kind> {};

TEST_P(GuestTest, GoesOnAfterACancelledSuspend)
{
    const FakeHost host;
    const std::string domid = host.create_guest(small_with(GetParam().options));
    (void)host.await_count(domid, 50);
    for (int round = 0; round < 2; ++round) {
        host.suspend(domid);
        EXPECT_EQ(host.state_of(domid), "suspended");
        const std::uint64_t before = host.count_of(domid);
        (void)host.guest({"resume", domid});
        EXPECT_GE(host.await_count(domid, before + 20), before + 20) << host.log();
        EXPECT_EQ(host.verdict_of(domid).substr(0, 6), "intact")
            << host.verdict_of(domid) << host.log();
    }
}

TEST_P(GuestTest, GoesOnAsIfItWereRestored)
{
    const std::string name = GetParam().name;
    if (name == "ListAtAnyAlignment") {
        GTEST_SKIP()
            << "libxenguest's xc_domain_resume walks past the end of a list that is not aligned";
    }
    if (name.starts_with("Pae")) {
        GTEST_SKIP()
            << "libxenguest's xc_domain_resume refuses guests of another width than its own";
    }
    const FakeHost host;
    const std::string domid = host.create_guest(small_with(GetParam().options));
    (void)host.await_count(domid, 50);
    host.suspend(domid);
    const std::uint64_t before = host.count_of(domid);
    (void)host.guest({"resume", "--as-restored", domid});
    EXPECT_GE(host.await_count(domid, before + 20), before + 20) << host.log();
    EXPECT_EQ(host.verdict_of(domid).substr(0, 6), "intact")
        << host.verdict_of(domid) << host.log();
}

INSTANTIATE_TEST_SUITE_P(AllKinds, GuestTest, testing::ValuesIn(all_kinds()),
                         [](const auto& kind) { return kind.param.name; });

/// The guest's verdict is only worth something if it sees what is wrong.
class SpoiledGuestTest : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

/// What to damage, in a guest of which width.
TEST_P(SpoiledGuestTest, IsNoticed)
{
    const auto& [what, bits] = GetParam();
    if (std::string{what} == "segment-base" && std::string{bits} == "32") {
        GTEST_SKIP() << "a 32-bit guest has none";
    }
    const FakeHost host;
    const std::string domid = host.create_guest(small_with({"--vcpus", "2", "--bits", bits}));
    (void)host.await_count(domid, 100);
    host.suspend(domid);
    (void)host.guest({"spoil", domid, what});
    (void)host.guest({"resume", domid});
    (void)host.await_count(domid, host.count_of(domid) + 5);
    const std::string verdict = host.verdict_of(domid);
    // A page whose p2m entry is wrong may also stand in a page table, which is wrong then too.
    const bool in_two_places =
        std::string{what} == "p2m" && verdict.starts_with("BROKEN in 2 places");
    EXPECT_TRUE(verdict.starts_with("BROKEN in 1 places") || in_two_places ||
                verdict.starts_with("CRASHED"))
        << verdict;
}

INSTANTIATE_TEST_SUITE_P(Each, SpoiledGuestTest,
                         testing::Combine(testing::Values("page", "stale", "table", "p2m",
                                                          "register", "other-vcpu", "segment-base",
                                                          "fpu", "msr", "callback"),
                                          testing::Values("64", "32")));

TEST(Guest, RunsOnlyAsItIsStepped)
{
    const FakeHost host{{"--memory", "256M", "--step"}};
    const std::string domid = host.create_guest(small_with());
    host.step(domid, 5);
    EXPECT_EQ(host.count_of(domid), 5U);
    host.step(domid, 3);
    EXPECT_EQ(host.count_of(domid), 8U);
    host.suspend(domid);
    EXPECT_EQ(host.state_of(domid), "suspended");
}

TEST(Guest, RepeatsItsLifeForTheSameSeed)
{
    const auto fingerprint_after = [](const Options& options, const char* host_seed) {
        const FakeHost host{{"--memory", "256M", "--step", "--seed", host_seed}};
        const std::string domid = host.create_guest(with(options, {"--holes", "50"}));
        host.step(domid, 60);
        host.suspend(domid);
        return host.guest({"fingerprint", domid});
    };
    const std::string one = fingerprint_after(small_with(), "1");
    EXPECT_EQ(one, fingerprint_after(small_with(), "2"));
    EXPECT_NE(one, fingerprint_after({"--memory", "16M", "--seed", "8"}, "1"));
}

TEST(Guest, ObeysOrdersToShutDown)
{
    const FakeHost host;
    const std::pair<const char*, const char*> orders[] = {
        {"poweroff", "poweroff"}, {"reboot", "reboot"}, {"crash", "crashed"}};
    for (const auto& [order, state] : orders) {
        const std::string domid = host.create_guest(small_with());
        (void)host.await_count(domid, 5);
        (void)host.guest({"order", domid, order});
        (void)host.await_count(domid, ~std::uint64_t{0});  // until it does not run any more
        EXPECT_EQ(host.state_of(domid), state);
        (void)host.guest({"destroy", domid});
    }
}

TEST(Guest, CountsAsCrashedWhenItsProgramIsKilled)
{
    const FakeHost host;
    const std::string domid = host.create_guest(small_with());
    (void)host.await_count(domid, 5);
    const auto log = host.log();
    const std::string marker = "process ";
    const auto process = std::stoi(log.substr(log.rfind(marker) + marker.size()));
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    (void)host.await_count(domid, ~std::uint64_t{0});
    EXPECT_EQ(host.state_of(domid), "crashed");
}

TEST(Guest, LivesWithWhatCannotBeSaved)
{
    const FakeHost host;
    for (const char* const oddity : {"--bad-pte", "--bad-m2p"}) {
        const std::string domid = host.create_guest(small_with({oddity}));
        (void)host.await_count(domid, 50);
        host.suspend(domid);
        (void)host.guest({"resume", domid});
        (void)host.await_count(domid, host.count_of(domid) + 10);
        EXPECT_EQ(host.verdict_of(domid).substr(0, 6), "intact") << host.verdict_of(domid);
    }
}

TEST(Guest, EndsWithItsDomain)
{
    const FakeHost host;
    const std::string domid = host.create_guest(small_with());
    (void)host.await_count(domid, 5);
    (void)host.guest({"destroy", domid});
    EXPECT_EQ(host.state_of(domid), "gone");
}

}  // namespace
}  // namespace sr::test
