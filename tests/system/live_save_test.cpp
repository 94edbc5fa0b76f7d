// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that libsr saves while they run, rewrite their pages and tables, give memory back, take some and move their p2m:
// restored by either engine, they find every page as it was when they suspended.
#include "tests/system/guest_kinds.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace sr::test {
namespace {

const Kind tables_and_frames[] = {
    {"Tables", {"--no-balloon", "--dirty-rate", "300", "--table-rate", "8"}},
    {"SilentExchanges", {"--no-balloon", "--exchange-rate", "4", "--exchange-silently"}},
    {"P2mMoves", {"--no-balloon", "--p2m-moves", "3", "--exchange-rate", "2"}},
};

// The stock engine restores these with memory that they had given back.
const Kind balloons[] = {
    {"Balloon", {"--balloon-rate", "8", "--dirty-pattern", "hot"}},
    {"Everything",
     {"--balloon-rate", "4", "--table-rate", "4", "--exchange-rate", "4", "--p2m-moves", "5"}},
};

void save_live(const FakeHost& host, const std::string& domid, const std::string& file)
{
    const Ended saved = xsr(host, {"save", "--live", "--raw", domid, file});
    EXPECT_EQ(saved.status, 0) << saved.all() << host.log();
}

class LiveSave : public testing::TestWithParam<std::tuple<Engine, Kind, Kind>> {};

TEST_P(LiveSave, AGuestFindsEveryPageIntact)
{
    const auto& [restorer, width, life] = GetParam();
    GuestShape shape = shape_of(width, life, 11);
    shape.nr_vcpus = 2;
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    save_live(a, domid, file);
    expect_stock_verifier_accepts(file, "libxc");
    EXPECT_EQ(xsr(b, {"verify", file}).status, 0) << xsr(b, {"verify", file}).all();
    expect_alive(b, restore_raw(b, restorer, file, shape), before);
}

std::string name_of_case(const testing::TestParamInfo<LiveSave::ParamType>& test)
{
    const auto& [restorer, width, life] = test.param;
    return std::string{to_string(restorer)} + "_" + width.name + "_" + life.name;
}

INSTANTIATE_TEST_SUITE_P(EitherEngine, LiveSave,
                         testing::Combine(testing::Values(Engine::libsr, Engine::stock),
                                          testing::ValuesIn(widths),
                                          testing::ValuesIn(tables_and_frames)),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OurOwn, LiveSave,
                         testing::Combine(testing::Values(Engine::libsr), testing::ValuesIn(widths),
                                          testing::ValuesIn(balloons)),
                         name_of_case);

/// The guest that was saved and stays is as whole as the one that goes.
TEST(LiveSnapshot, LeavesTheGuestRunningAtFullSpeed)
{
    const TemporaryDirectory files;
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, {.options = {"--period", "1"}});
    (void)a.await_count(domid, busy_count);
    for (const char* name : {"/first.xl", "/second.xl"}) {
        const Ended saved = xsr(a, {"save", "--live", "-c", domid, files.path() + name});
        ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
        expect_alive(a, domid, a.count_of(domid));
        EXPECT_NE(a.fakexen({"show", domid}).find("log-dirty off"), std::string::npos);
    }
    const Ended restored = xsr(b, {"restore", "--name", "other", files.path() + "/second.xl"});
    ASSERT_EQ(restored.status, 0) << restored.all();
    expect_alive(b, "1", busy_count);
}

/// The end of its list is one shared page of holes, which the stream leaves out until pages of it become the guest's own.
TEST(LiveP2m, MayGrow)
{
    const GuestShape shape{
        .memory_mib = 16,
        .options = {"--period", "1", "--no-balloon", "--p2m-moves", "2", "--sparse", "600000"}};
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    const Ended saved = xsr(a, {"save", "--live", "--raw", "--verbose", domid, file});
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    EXPECT_NE(saved.errors.find("p2m has other frames or another size"), std::string::npos);
    for (const Engine restorer : {Engine::libsr, Engine::stock}) {
        GuestShape copy = shape;
        copy.name = to_string(restorer);
        expect_alive(b, restore_raw(b, restorer, file, copy), before);
    }
}

/// Between the question for types and the mapping the guest lives for some quanta: frames are gone that had a type, tables
/// are none any more, pages have become tables.
TEST(LiveRaces, KillNoSave)
{
    const GuestShape shape{.memory_mib = 24,
                           .options = {"--period", "1", "--balloon-rate", "16", "--table-rate",
                                       "16", "--exchange-rate", "16", "--p2m-moves", "3"}};
    for (const char* slow : {"latency:domctl.getpageframeinfo3:4000", "latency:map:4000"}) {
        SCOPED_TRACE(slow);
        const TemporaryDirectory files;
        const FakeHost a{{"--memory", "256M", "--seed", "1", "--quirk", slow}};
        const FakeHost b{host_b};
        const std::string domid = create_guest(a, shape);
        const std::uint64_t before = a.await_count(domid, busy_count);
        save_live(a, domid, files.path() + "/stream");
        expect_alive(b, restore_raw(b, Engine::libsr, files.path() + "/stream", shape), before);
    }
}

/// It leaves the log on, which makes the guest slow: the next save turns it off.
TEST(LiveSaverKilled, LeavesAGuestThatRunsAndCanBeSaved)
{
    const TemporaryDirectory files;
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, {.options = {"--period", "1"}});
    (void)a.await_count(domid, busy_count);
    for (const char* when : {"map:6:SIGKILL", "domctl.shadow_op:2:SIGKILL"}) {
        const Ended killed =
            a.run({in_build("xsr"), "save", "--live", "--raw", "-f", domid, files.path() + "/cut"},
                  {{"FAKEXEN_FAIL", when}});
        EXPECT_NE(killed.status, 0) << when;
        EXPECT_EQ(a.state_of(domid), "running");
    }
    EXPECT_NE(a.fakexen({"show", domid}).find("log-dirty on"), std::string::npos);
    const std::uint64_t before = a.count_of(domid);
    save_live(a, domid, files.path() + "/stream");
    expect_alive(b, restore_raw(b, Engine::libsr, files.path() + "/stream", {}), before);
}

}  // namespace
}  // namespace sr::test
