// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests that are saved while they run: what they store is in the host's dirty log, or they would not find themselves whole. The
// stock engine saves here, so that it is the fake host that is on trial.
#include "tests/system/guest_kinds.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <tuple>

namespace sr::test {
namespace {

// Without what the stock engine dies of: memory that goes while it looks at it.
const Kind lives[] = {
    {"AnyPages", {"--no-balloon", "--no-tables", "--dirty-rate", "300"}},
    {"HotPages", {"--no-balloon", "--no-tables", "--dirty-rate", "300", "--dirty-pattern", "hot"}},
    {"Stream", {"--no-balloon", "--no-tables", "--dirty-rate", "300", "--dirty-pattern", "stream"}},
    {"Tables", {"--no-balloon", "--table-rate", "1"}},
};

Ended save_live(const FakeHost& host, const std::string& domid, const std::string& file)
{
    return host.run({in_build("tests/system/stock-engine"), "save", "--live", domid, file},
                    {{"ASAN_OPTIONS", "detect_leaks=0"}});
}

/// The stock engine gives up where a table changes under its hand, on some machines nineteen times in twenty; the guest runs
/// on then, and it may try again.
Ended save_live_at_last(const FakeHost& host, const std::string& domid, const std::string& file)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{90};
    Ended saved = save_live(host, domid, file);
    while (saved.status != 0 && host.state_of(domid) == "running" &&
           std::chrono::steady_clock::now() < end) {
        saved = save_live(host, domid, file);
    }
    return saved;
}

class LogDirty : public testing::TestWithParam<std::tuple<Kind, Kind>> {};

TEST_P(LogDirty, AGuestThatRunsThroughItsSaveFindsEveryPageIntact)
{
    const auto& [width, life] = GetParam();
    const GuestShape shape = shape_of(width, life, 11);
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    const Ended saved = save_live_at_last(a, domid, file);
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    expect_alive(b, restore_raw(b, Engine::stock, file, shape), before);
}

std::string name_of_case(const testing::TestParamInfo<LogDirty::ParamType>& test)
{
    return std::string{std::get<0>(test.param).name} + "_" + std::get<1>(test.param).name;
}

INSTANTIATE_TEST_SUITE_P(Guests, LogDirty,
                         testing::Combine(testing::ValuesIn(widths), testing::ValuesIn(lives)),
                         name_of_case);

/// A life that the guest itself must come through, saved or not.
class Unrest : public testing::TestWithParam<std::tuple<Kind, Kind>> {};

const Kind unrest[] = {
    {"Exchange", {"--exchange-rate", "4", "--exchange-silently"}},
    {"P2mMoves", {"--p2m-moves", "1", "--trailing-holes", "3000"}},
    {"All",
     {"--balloon-rate", "4", "--exchange-rate", "2", "--p2m-moves", "2", "--table-rate", "4"}},
};

TEST_P(Unrest, IsCarriedOverASaveOfTheGuestAtRest)
{
    const auto& [width, life] = GetParam();
    const GuestShape shape = shape_of(width, life, 12);
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, 2 * busy_count);
    a.suspend(domid);  // the stock engine looks for the p2m before it has a guest suspended
    save_raw(a, Engine::stock, domid, file);
    expect_alive(b, restore_raw(b, Engine::stock, file, shape), before);
}

INSTANTIATE_TEST_SUITE_P(Guests, Unrest,
                         testing::Combine(testing::ValuesIn(widths), testing::ValuesIn(unrest)),
                         name_of_case);

TEST(LogDirtyOf, AListThatMovesIsSeenByItsGeneration)
{
    const FakeHost host{host_a};
    const std::string domid = host.create_guest(
        {"--memory", "24M", "--period", "1", "--no-balloon", "--no-tables", "--p2m-moves", "1"});
    (void)host.await_count(domid, busy_count);
    const TemporaryDirectory files;
    const Ended saved = save_live(host, domid, files.path() + "/stream");
    EXPECT_NE(saved.status, 0) << "the stock engine gives up when the generation changes";
    EXPECT_EQ(host.state_of(domid), "running");
    const std::uint64_t count = host.count_of(domid);
    EXPECT_GE(host.await_count(domid, count + 5), count + 5);
}

/// A pfn that got another frame without a store is not in the dirty log. The stock engine loses it, and the guest must notice.
TEST(LogDirtyOf, ASilentExchangeIsNothing)
{
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const GuestShape shape{.memory_mib = 24,
                           .options = {"--period", "1", "--no-balloon", "--no-tables",
                                       "--exchange-rate", "8", "--exchange-silently"}};
    const std::string domid = create_guest(a, shape);
    (void)a.await_count(domid, busy_count);
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    const Ended saved = save_live_at_last(a, domid, file);
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    const std::string restored = restore_raw(b, Engine::stock, file, shape);
    ASSERT_NE(restored, "");
    (void)b.await_count(restored, b.count_of(restored) + 5);
    EXPECT_TRUE(b.verdict_of(restored).starts_with("BROKEN")) << b.verdict_of(restored);
}

}  // namespace
}  // namespace sr::test
