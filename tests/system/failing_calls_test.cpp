// SPDX-License-Identifier: LGPL-2.1-or-later
// Each call that a save or a restore makes fails in turn: the guest stays, or nothing is left, and a sentence says why.
#include "tests/system/call_log.hpp"
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace sr::test {
namespace {

const std::vector<std::string> small_host = {"--memory", "128M"};
const GuestShape small{.memory_mib = 8, .nr_vcpus = 2};

/// How often xsr made each call so far.
std::map<std::string, int> calls_of_xsr(const FakeHost& host)
{
    return count_calls(host, 0, [](const LoggedCall& call) {
        return call.program.find("xsr") != std::string::npos;
    });
}

/// Cues for $FAKEXEN_FAIL: each call's first and last time. getdomaininfo is polled: its number changes from run to run.
std::vector<std::string> cues_of(const std::map<std::string, int>& counts)
{
    std::vector<std::string> cues;
    for (const auto& [call, count] : counts) {
        const int last = call == "domctl.getdomaininfo" ? 1 : count;
        for (int nth = 1; nth <= last; nth += std::max(1, last - 1)) {
            cues.push_back(cue_for(call, nth, errnos_of(call).back()));
        }
    }
    return cues;
}

class FailingCalls : public testing::Test {
protected:
    [[nodiscard]] std::string file(const char* name) const { return files_.path() + "/" + name; }

    [[nodiscard]] static Ended failing(const FakeHost& host, const std::string& cue,
                                       std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return host.run(arguments, {{"FAKEXEN_FAIL", cue}});
    }

    TemporaryDirectory files_;
};

TEST_F(FailingCalls, ARestoreThatFailsLeavesNothing)
{
    const FakeHost source{small_host};
    const std::string domid = create_guest(source, small);
    (void)source.await_count(domid, 30);
    save_raw(source, Engine::libsr, domid, file("stream"));
    const FakeHost probe{small_host};
    (void)restore_raw(probe, Engine::libsr, file("stream"), small);

    const FakeHost host{small_host};
    for (const std::string& cue : cues_of(calls_of_xsr(probe))) {
        SCOPED_TRACE(cue);
        const Ended ended = failing(host, cue,
                                    {"restore", "--progress", "none", "--name", "guest", "--memory",
                                     "12M", "--vcpus", "2", file("stream")});
        EXPECT_NE(ended.status, 0);
        EXPECT_LT(ended.status, 128) << ended.all();
        EXPECT_NE(ended.errors, "");
        EXPECT_EQ(domains_of(host), std::vector<unsigned>{}) << ended.all();
    }
}

TEST_F(FailingCalls, ASaveThatFailsLosesNothing)
{
    const FakeHost host{small_host};
    const std::string domid = create_guest(host, small);
    (void)host.await_count(domid, 30);
    ASSERT_EQ(xsr(host, {"save", "-c", domid, file("probe.xl")}).status, 0);
    for (const std::string& cue : cues_of(calls_of_xsr(host))) {
        SCOPED_TRACE(cue);
        const Ended ended =
            failing(host, cue, {"save", "-c", "--progress", "none", domid, file("some.xl")});
        EXPECT_NE(ended.status, 0);
        EXPECT_LT(ended.status, 128) << ended.all();
        EXPECT_NE(ended.errors, "");
        if (std::filesystem::remove(file("some.xl"))) {
            EXPECT_EQ(host.state_of(domid), "suspended")
                << "the file is complete, the resume failed\n"
                << ended.all();
            (void)host.guest({"resume", domid});
        }
        ASSERT_EQ(host.state_of(domid), "running") << ended.all();
    }
    expect_alive(host, domid, host.count_of(domid));
}

}  // namespace
}  // namespace sr::test
