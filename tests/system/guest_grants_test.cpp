// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests with grant tables of either version, and neighbours that map what they grant: in place, saved, saved while they run.
// The guest itself judges its table after each suspend.
#include "tests/support/json.hpp"
#include "tests/system/guest_kinds.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <thread>
#include <tuple>

namespace sr::test {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t nr_pages = 600;  ///< more than a frame of either version holds

/// A number that a guest tells of its grants, by the word before it.
std::uint64_t told(const FakeHost& host, const std::string& domid, const std::string& what)
{
    std::istringstream words{host.guest({"grants", domid})};
    for (std::string word; words >> word;) {
        std::uint64_t number = 0;
        if (word == what && words >> number) {
            return number;
        }
    }
    return 0;
}

void await_told(const FakeHost& host, const std::string& domid, const std::string& what,
                std::uint64_t least)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (told(host, domid, what) < least && std::chrono::steady_clock::now() < end) {
        ASSERT_EQ(host.state_of(domid), "running") << host.log();
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    ASSERT_GE(told(host, domid, what), least) << what << "\n" << host.log();
}

Json grants_of(const FakeHost& host, const std::string& domid)
{
    return Json::parse(host.fakexen({"show", "--json", domid})).at("grants");
}

/// The most status frames that the host ever had for all its domains together.
std::uint64_t most_status_frames(const FakeHost& host)
{
    return Json::parse(host.fakexen({"list", "--json"})).at("status_frames").at("most");
}

GuestShape granter_of(const std::string& version, const std::string& bits, const Options& more = {})
{
    GuestShape shape{.memory_mib = 16,
                     .options = {"--grants", version, "--bits", bits, "--grant-pages",
                                 std::to_string(nr_pages), "--grant-peer", "2", "--period", "1"}};
    shape.options.insert(shape.options.end(), more.begin(), more.end());
    return shape;
}

std::string create_peer(const FakeHost& host, const std::string& bits, const Options& more = {})
{
    Options options = {"--map-grants-of", "1", "--bits", bits, "--period", "1"};
    options.insert(options.end(), more.begin(), more.end());
    return create_guest(host, {.name = "peer", .memory_mib = 16, .options = options});
}

/// Runs on from here, having found itself whole.
void expect_going_on(const FakeHost& host, const std::string& domid)
{
    expect_alive(host, domid, host.count_of(domid));
}

void suspend_and_resume(const FakeHost& host, const std::string& domid, const Options& how = {})
{
    host.suspend(domid);
    Options command = {"resume"};
    command.insert(command.end(), how.begin(), how.end());
    command.push_back(domid);
    (void)host.guest(command);
    expect_going_on(host, domid);
}

/// Version and width of the granter.
class GrantingGuest : public testing::TestWithParam<std::tuple<const char*, const char*>> {
protected:
    [[nodiscard]] static std::string version() { return std::get<0>(GetParam()); }
    [[nodiscard]] static std::string bits() { return std::get<1>(GetParam()); }
    [[nodiscard]] static bool is_v2() { return version() == "v2"; }

    /// A table of its version and of as many frames as so many grants take; status frames for version 2 only.
    static void expect_table(const FakeHost& host, const std::string& domid)
    {
        const Json table = grants_of(host, domid);
        EXPECT_EQ(table.at("version"), is_v2() ? 2 : 1);
        EXPECT_GE(table.at("nr_frames"), is_v2() ? 3 : 2);
        EXPECT_EQ(table.at("status_frames"), is_v2() ? 1 : 0);
        EXPECT_EQ(told(host, domid, "version"), is_v2() ? 2U : 1U);
        await_told(host, domid, "grants", nr_pages);
    }
    static void expect_no_status_frames_of_v1(const FakeHost& host)
    {
        if (!is_v2()) {
            EXPECT_EQ(most_status_frames(host), 0U);
        }
    }

    TemporaryDirectory files_;
};

TEST_P(GrantingGuest, LivesOnThroughSuspends)
{
    const FakeHost host{host_a};
    const std::string domid = create_guest(host, granter_of(version(), bits()));
    const std::string peer = create_peer(host, bits());
    await_told(host, peer, "mapped", 40);
    await_told(host, domid, "busy", 1);
    await_told(host, domid, "ended", 100);
    for (int round = 0; round < 2; ++round) {
        suspend_and_resume(host, domid);
        suspend_and_resume(host, peer);
    }
    if (bits() == "64") {  // libxenguest's xc_domain_resume refuses the others
        suspend_and_resume(host, domid, {"--as-restored"});
    }
    expect_table(host, domid);
    EXPECT_GT(told(host, peer, "written"), 0U);
    EXPECT_GT(told(host, peer, "denied"), 0U);
    expect_no_status_frames_of_v1(host);
}

TEST_P(GrantingGuest, MaySuspendWhilePagesAreMapped)
{
    const FakeHost host{host_a};
    const std::string domid = create_guest(host, granter_of(version(), bits()));
    const std::string peer = create_peer(host, bits(), {"--map-hold", "0"});
    await_told(host, peer, "held", 8);
    for (int round = 0; round < 2; ++round) {
        host.suspend(domid);
        EXPECT_EQ(grants_of(host, domid).at("mapped_by_others"), 8);
        const std::uint64_t reads = told(host, peer, "read");
        await_told(host, peer, "read", reads + 100);
        (void)host.guest({"resume", domid});
        expect_going_on(host, domid);
    }
    EXPECT_EQ(told(host, peer, "held"), 8U);
    EXPECT_EQ(told(host, peer, "mapped"), 8U);
    expect_table(host, domid);
}

/// Saved and restored on another host, where nobody has its peer's number.
TEST_P(GrantingGuest, CrossesWithAnEmptyTable)
{
    const std::string file = files_.path() + "/stream";
    const GuestShape shape = granter_of(version(), bits());
    for (const Engine engine : {Engine::libsr, Engine::stock}) {
        SCOPED_TRACE(to_string(engine));
        const FakeHost a{host_a};
        const FakeHost b{host_b};
        const std::string domid = create_guest(a, shape);
        const std::string peer = create_peer(a, bits());
        await_told(a, peer, "mapped", 20);
        const std::uint64_t before = a.await_count(domid, busy_count);
        save_raw(a, engine, domid, file);
        expect_stock_verifier_accepts(file, "libxc");
        const std::string restored = restore_raw(b, engine, file, shape);
        expect_alive(b, restored, before);
        expect_table(b, restored);
        suspend_and_resume(b, restored);
        suspend_and_resume(a, peer);
        expect_no_status_frames_of_v1(a);
        expect_no_status_frames_of_v1(b);
    }
}

/// Its pages stay the peer's as long as that holds them, though the guest is gone from here.
TEST_P(GrantingGuest, CrossesLiveWhilePagesAreMapped)
{
    const std::string file = files_.path() + "/stream";
    const GuestShape shape = granter_of(version(), bits(), {"--exchange-rate", "2"});
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::string peer = create_peer(a, bits(), {"--map-hold", "0"});
    await_told(a, peer, "held", 8);
    const std::uint64_t before = a.await_count(domid, busy_count);
    const Ended saved = xsr(a, {"save", "--live", "--raw", domid, file});
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    const std::string restored = restore_raw(b, Engine::libsr, file, shape);
    expect_alive(b, restored, before);
    expect_table(b, restored);
    await_told(a, peer, "read", told(a, peer, "read") + 100);
    suspend_and_resume(a, peer);  // lets go
    EXPECT_EQ(a.state_of(domid), "gone");
    expect_no_status_frames_of_v1(b);
}

TEST_P(GrantingGuest, NoticesWhatIsNotItsOwn)
{
    const std::string file = files_.path() + "/stream";
    const GuestShape shape = granter_of(version(), bits());
    const FakeHost host{host_a};
    const std::string domid = create_guest(host, shape);
    (void)host.await_count(domid, busy_count);
    host.suspend(domid);
    (void)host.guest({"spoil", domid, "grant"});
    (void)host.guest({"resume", domid});
    (void)host.await_count(domid, host.count_of(domid) + 5);
    EXPECT_TRUE(host.verdict_of(domid).starts_with("BROKEN in 1 places: grant 8 is "))
        << host.verdict_of(domid);
}

/// A back end that is saved while it runs and has pages mapped, until it suspends.
TEST_P(GrantingGuest, LetsItsPeerCrossLive)
{
    const std::string file = files_.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, granter_of(version(), bits()));
    const std::string peer = create_peer(a, bits(), {"--map-hold", "0"});
    await_told(a, peer, "held", 8);
    const std::uint64_t before = a.await_count(peer, busy_count);
    const Ended saved = xsr(a, {"save", "--live", "--raw", peer, file});
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    const std::string restored =
        restore_raw(b, Engine::libsr, file, {.name = "peer", .memory_mib = 16});
    expect_alive(b, restored, before);
    EXPECT_EQ(told(b, restored, "held"), 0U);  // nobody there grants anything
    suspend_and_resume(a, domid);
    EXPECT_EQ(grants_of(a, domid).at("mapped_by_others"), 0);
}

INSTANTIATE_TEST_SUITE_P(Each, GrantingGuest,
                         testing::Combine(testing::Values("v1", "v2"), testing::Values("64", "32")),
                         [](const auto& test) {
                             return std::string{std::get<0>(test.param)} + "_" +
                                    std::get<1>(test.param);
                         });

/// What a toolstack leaves behind in the table of a new domain.
TEST(StaleGrant, IsNoticed)
{
    const TemporaryDirectory files;
    const std::string file = files.path() + "/guest.xl";
    const FakeHost host{host_a};
    const std::string domid = create_guest(host, granter_of("v1", "64"));
    (void)host.await_count(domid, busy_count);
    ASSERT_EQ(xsr(host, {"save", domid, file}).status, 0) << host.log();
    const Ended restored = xsr(host, {"restore", "--paused", file});
    ASSERT_EQ(restored.status, 0) << restored.all();
    const std::string copy = restored.out.substr(0, restored.out.find('\n'));
    const std::uint64_t before = host.count_of(copy);
    (void)host.guest({"spoil", copy, "grant"});
    ASSERT_EQ(xsr(host, {"resume", copy}).status, 0);
    (void)host.await_count(copy, before + 5);
    EXPECT_TRUE(host.verdict_of(copy).starts_with("BROKEN in 1 places: grant 8 is "))
        << host.verdict_of(copy);
}

class SwitchingGuest : public testing::TestWithParam<const char*> {};

TEST_P(SwitchingGuest, WaitsUntilNothingIsMapped)
{
    const FakeHost host{host_a};
    const std::string domid =
        create_guest(host, granter_of("v1", GetParam(), {"--grant-switch", "20"}));
    const std::string peer = create_peer(host, GetParam());
    await_told(host, domid, "switches", 6);
    await_told(host, domid, "refused", 3);
    suspend_and_resume(host, domid);
    suspend_and_resume(host, peer);
    await_told(host, domid, "switches", told(host, domid, "switches") + 2);
    suspend_and_resume(host, domid);
    EXPECT_GT(told(host, peer, "mapped"), 40U);
    EXPECT_GT(most_status_frames(host), 0U);
}

TEST_P(SwitchingGuest, DoesSoByOrder)
{
    const FakeHost host{host_a};
    const std::string domid =
        create_guest(host, granter_of("v1", GetParam(), {"--max-grant-version", "2"}));
    const std::string peer = create_peer(host, GetParam());
    await_told(host, peer, "mapped", 20);
    EXPECT_EQ(most_status_frames(host), 0U);
    for (const int version : {2, 1, 2}) {
        (void)host.guest({"order", domid, "grants-v" + std::to_string(version)});
        const auto reached = [&] {
            return told(host, domid, "version") == static_cast<std::uint64_t>(version);
        };
        for (int tries = 0; !reached() && tries < 1000; ++tries) {
            (void)host.await_count(domid, host.count_of(domid) + 10);
        }
        const Json table = grants_of(host, domid);
        EXPECT_EQ(table.at("version"), version);
        EXPECT_EQ(table.at("status_frames"), version == 2 ? 1 : 0);
        suspend_and_resume(host, domid);
    }
    EXPECT_EQ(told(host, domid, "switches"), 3U);
    suspend_and_resume(host, peer);
}

TEST_P(SwitchingGuest, CrossesLive)
{
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const GuestShape shape = granter_of("v2", GetParam(), {"--grant-switch", "7"});
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    await_told(a, domid, "switches", 3);
    const std::uint64_t before = a.await_count(domid, busy_count);
    const Ended saved = xsr(a, {"save", "--live", "--raw", domid, file});
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    const std::string restored = restore_raw(b, Engine::libsr, file, shape);
    expect_alive(b, restored, before);
    await_told(b, restored, "switches", 5);
    suspend_and_resume(b, restored);
}

/// What Xen cannot allocate leaves the table as it was.
TEST_P(SwitchingGuest, TriesAgainWhenMemoryIsShort)
{
    for (const char* const what : {"alloc_status_array:1:ENOMEM", "alloc_status_frame:1:ENOMEM"}) {
        SCOPED_TRACE(what);
        const FakeHost host{host_a};
        const std::string domid =
            create_guest(host, granter_of("v1", GetParam(), {"--max-grant-version", "2"}));
        (void)host.await_count(domid, busy_count);
        const std::string log = host.log();
        const std::string marker = "process ";
        const int process = std::stoi(log.substr(log.rfind(marker) + marker.size()));
        (void)host.fakexen({"fail", std::to_string(process), what});
        (void)host.guest({"order", domid, "grants-v2"});
        await_told(host, domid, "switches", 1);
        EXPECT_EQ(told(host, domid, "refused"), 1U);
        EXPECT_EQ(grants_of(host, domid).at("status_frames"), 1);
        suspend_and_resume(host, domid);
    }
}

INSTANTIATE_TEST_SUITE_P(Each, SwitchingGuest, testing::Values("64", "32"),
                         [](const auto& test) { return std::string{test.param}; });

/// How many grants, and what frames they take when the guest has booted and when it has used more references.
struct Growth {
    const char* version;
    unsigned nr_grants;
    unsigned frames_before;
    unsigned status_before;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's
void PrintTo(const Growth& growth, std::ostream* out)
{
    *out << growth.version;
}

class GrowingTable : public testing::TestWithParam<Growth> {};

TEST_P(GrowingTable, GrowsWhileTheGuestRuns)
{
    const auto& [version, nr_grants, frames, status_frames] = GetParam();
    const FakeHost host{{"--memory", "256M", "--step"}};
    const std::string domid =
        host.create_guest({"--memory", "32M", "--seed", "3", "--grants", version, "--grant-pages",
                           std::to_string(nr_grants), "--grant-rate", "1"});
    host.step(domid, 1);
    EXPECT_EQ(grants_of(host, domid).at("nr_frames"), frames);
    EXPECT_EQ(grants_of(host, domid).at("status_frames"), status_frames);
    host.step(domid, 60);
    EXPECT_GT(grants_of(host, domid).at("nr_frames"), frames);
    EXPECT_EQ(grants_of(host, domid).at("status_frames"), 2 * status_frames);
    host.suspend(domid);
    const std::uint64_t before = host.count_of(domid);
    (void)host.guest({"resume", domid});
    host.step(domid, 2);
    EXPECT_GT(host.count_of(domid), before);
    EXPECT_TRUE(host.verdict_of(domid).starts_with("intact ")) << host.verdict_of(domid);
}

INSTANTIATE_TEST_SUITE_P(Each, GrowingTable,
                         testing::Values(Growth{"v1", 430, 1, 0}, Growth{"v2", 1790, 8, 1}),
                         [](const auto& test) { return std::string{test.param.version}; });

/// What libsr cannot tell from a stream without records of the table: that the guest asks for more than there is.
class PoorerHost : public testing::Test {
protected:
    explicit PoorerHost(const char* quirk) : there_{{"--memory", "256M", "--quirk", quirk}} {}

    /// Restores a guest from a host that allows it everything. @return its domid
    std::string move_there(const char* version, const Options& more = {})
    {
        const std::string file = files_.path() + "/stream";
        const GuestShape shape = granter_of(version, "64", more);
        const FakeHost from{host_a};
        const std::string domid = create_guest(from, shape);
        before_ = from.await_count(domid, busy_count);
        save_raw(from, Engine::libsr, domid, file);
        return restore_raw(there_, Engine::libsr, file, shape);
    }

    void expect_crash(const std::string& domid, const std::string& why) const
    {
        (void)there_.await_count(domid, ~std::uint64_t{0});
        EXPECT_EQ(there_.state_of(domid), "crashed");
        EXPECT_NE(there_.verdict_of(domid).find(why), std::string::npos)
            << there_.verdict_of(domid);
    }

    const FakeHost there_;
    TemporaryDirectory files_;
    std::uint64_t before_ = 0;
};

class WithoutVersion2 : public PoorerHost {
protected:
    WithoutVersion2() : PoorerHost{"grant-version:1"} {}
};

class WithFewerFrames : public PoorerHost {
protected:
    WithFewerFrames() : PoorerHost{"grant-frames:1"} {}
};

TEST_F(WithoutVersion2, AGuestMakesDoWithVersion1)
{
    const std::string domid = move_there("v2");
    expect_alive(there_, domid, before_);
    EXPECT_EQ(grants_of(there_, domid).at("version"), 1);
    EXPECT_EQ(told(there_, domid, "version"), 1U);
    await_told(there_, domid, "grants", nr_pages);
    suspend_and_resume(there_, domid);
    EXPECT_EQ(most_status_frames(there_), 0U);
}

TEST_F(WithoutVersion2, AGuestThatNeedsItCrashes)
{
    const std::string domid = move_there("v2", {"--grants-need-v2"});
    expect_crash(domid, "grant tables of version 2 are needed");
}

TEST_F(WithFewerFrames, AGuestCrashes)
{
    expect_crash(move_there("v1"), "the grant table may have 1 frames, and needs 2");
}

TEST(GrantingGuests, LiveTheSameLifeForTheSameSeed)
{
    const auto fingerprint_of = [](const char* host_seed) {
        const FakeHost host{{"--memory", "256M", "--step", "--seed", host_seed}};
        const std::string domid = host.create_guest(
            {"--memory", "16M", "--seed", "5", "--grants", "v2", "--grant-switch", "10"});
        host.step(domid, 45);
        EXPECT_EQ(told(host, domid, "switches"), 4U);
        host.suspend(domid);
        return host.guest({"fingerprint", domid});
    };
    EXPECT_EQ(fingerprint_of("1"), fingerprint_of("2"));
}

}  // namespace
}  // namespace sr::test
