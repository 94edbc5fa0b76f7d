// SPDX-License-Identifier: LGPL-2.1-or-later
// What memory of their own the engines take must not grow with the guest.
#include "tests/support/fakehost.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sr::test {
namespace {

constexpr std::uint64_t gib_of_pfns = 262144;

/// Peaks of what a process holds beyond its mappings of the guest, in KiB, from before the engine's call on.
struct Peaks {
    std::uint64_t save_kib;
    std::uint64_t restore_kib;
};

std::uint64_t peak_of(const FakeHost& host, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), in_build("tests/bench/bench-run"));
    const Ended ended = host.run(arguments, {{"SR_BENCH_MEMORY", "1"}});
    EXPECT_EQ(ended.status, 0) << ended.all() << host.log();
    return ended.status == 0 ? parsed_json(ended.out).at("own_kib").get<std::uint64_t>() : 0;
}

/// Saves and restores a guest with these options.
Peaks peaks_of(std::vector<std::string> options)
{
    const FakeHost host{{"--memory", "768M", "--shuffle", "run:64"}};
    options.insert(options.end(), {"--no-balloon", "--dirty-rate", "10"});
    const std::string domid = host.create_guest(options);
    (void)host.await_count(domid, 1);
    host.suspend(domid);
    const std::string stream = host.path() + "/stream";
    Peaks peaks{};
    peaks.save_kib = peak_of(host, {"save", "libsr", domid, stream});
    peaks.restore_kib = peak_of(host, {"restore", "libsr", stream, "524288"});
    (void)host.guest({"destroy", domid});
    return peaks;
}

TEST(OwnMemory, DoesNotGrowWithTheGuest)
{
    const Peaks small = peaks_of({"--memory", "32M"});
    const Peaks large = peaks_of({"--memory", "256M"});
    // The p2m of the destination: 9 octets a page, here half a megabyte. And allocators are allocators.
    constexpr std::uint64_t slack_kib = 4096;
    EXPECT_LE(large.save_kib, small.save_kib + slack_kib);
    EXPECT_LE(large.restore_kib, small.restore_kib + slack_kib);
    EXPECT_GT(small.save_kib, 0U) << "nothing was measured";
    RecordProperty("save_kib", std::to_string(large.save_kib));
    RecordProperty("restore_kib", std::to_string(large.restore_kib));
}

TEST(OwnMemory, StaysSmallForA64GibGuest)
{
    const Peaks peaks =
        peaks_of({"--memory", "320M", "--sparse", std::to_string(64 * gib_of_pfns)});
    constexpr std::uint64_t bound_kib = std::uint64_t{64} * 1024;
    RecordProperty("save_kib", std::to_string(peaks.save_kib));
    RecordProperty("restore_kib", std::to_string(peaks.restore_kib));
    EXPECT_LT(peaks.save_kib, bound_kib);
    EXPECT_LT(peaks.restore_kib, bound_kib);
}

}  // namespace
}  // namespace sr::test
