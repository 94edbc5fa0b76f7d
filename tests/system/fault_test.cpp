// SPDX-License-Identifier: LGPL-2.1-or-later
// Each call that the engines make fails in turn, each time it is made: the sentence names call and errno, the exit
// status is that of a failed hypervisor, no file is left, and the domain can be saved as before or is gone.
#include "tests/support/json.hpp"
#include "tests/system/call_log.hpp"
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>

namespace sr::test {
namespace {

constexpr int exit_hypervisor = 6;
const std::vector<std::string> small_host = {"--memory", "64M", "--step"};
const std::vector<std::string> small_guest = {"--memory", "4M", "--vcpus", "2", "--period", "1"};

/// How often xsr has made each call of the engines. Its toolstack makes others beside: FailingCalls fails those.
std::map<std::string, int> calls_of_xsr(const FakeHost& host)
{
    return count_calls(host, 0, [](const LoggedCall& call) {
        return call.program.find("xsr") != std::string::npos &&
               engine_name_of(call.name) != nullptr;
    });
}

/// A cue for the nth call, and what xsr must say then. Each time another of the errnos that the call can have.
struct Cue {
    Cue(const std::string& name, int nth)
        : call{name}, errno_name{errnos_of(name).at(static_cast<std::size_t>(nth) %
                                                    errnos_of(name).size())},
          text{cue_for(name, nth, errno_name)}
    {
    }
    std::string call;
    std::string errno_name;
    std::string text;
};

std::string suspended_guest(const FakeHost& host)
{
    const std::string domid = host.create_guest(small_guest);
    host.step(domid, 5);
    host.suspend(domid);
    return domid;
}

Ended save(const FakeHost& host, const std::string& domid, const std::string& file,
           const std::string& cue)
{
    return host.run({in_build("xsr"), "save", "-p", "--raw", "--progress", "none", domid, file},
                    {{"FAKEXEN_FAIL", cue}});
}

Ended restore(const FakeHost& host, const std::string& file, const std::string& cue)
{
    return host.run({in_build("xsr"), "restore", "-p", "--progress", "none", "--name", "new",
                     "--memory", "8M", "--vcpus", "2", file},
                    {{"FAKEXEN_FAIL", cue}});
}

/// One sentence that names the call and its errno, of a failed hypervisor.
void expect_named(const Ended& ended, const Cue& cue)
{
    EXPECT_EQ(ended.status, exit_hypervisor) << ended.all();
    EXPECT_NE(ended.errors.find(engine_name_of(cue.call)), std::string::npos) << ended.errors;
    EXPECT_NE(ended.errors.find(std::strerror(errno_number(cue.errno_name))), std::string::npos)
        << ended.errors;
}

TEST(Fault, EachCallOfASaveFailsInTurn)
{
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    std::map<std::string, int> counts;
    {
        const FakeHost probe{small_host};
        ASSERT_EQ(save(probe, suspended_guest(probe), file, "").status, 0);
        counts = calls_of_xsr(probe);
        std::filesystem::remove(file);
    }
    const FakeHost host{small_host};
    const std::string domid = suspended_guest(host);
    for (const auto& [call, count] : counts) {
        for (int nth = 1; nth <= count; ++nth) {
            const Cue cue{call, nth};
            SCOPED_TRACE(cue.text);
            const Ended ended = save(host, domid, file, cue.text);
            expect_named(ended, cue);
            ASSERT_EQ(host.state_of(domid), "suspended") << ended.all();
            if (ended.errors.find("is complete") != std::string::npos) {
                std::filesystem::remove(file);  // what failed was letting go of the domain
            }
            EXPECT_TRUE(std::filesystem::is_empty(files.path())) << ended.all();
        }
    }
    EXPECT_EQ(save(host, domid, file, "").status, 0);
    EXPECT_NE(std::filesystem::file_size(file), 0U);
}

TEST(Fault, EachCallOfARestoreFailsInTurn)
{
    const TemporaryDirectory files;
    const std::string file = files.path() + "/stream";
    std::map<std::string, int> counts;
    {
        const FakeHost source{small_host};
        ASSERT_EQ(save(source, suspended_guest(source), file, "").status, 0);
        const FakeHost probe{small_host};
        ASSERT_EQ(restore(probe, file, "").status, 0);
        counts = calls_of_xsr(probe);
    }
    const FakeHost host{small_host};
    const auto frames = [&] {
        const auto list = parsed_json(host.fakexen({"list", "--json"}));
        return list.at("free_frames").get<std::uint64_t>();
    };
    const std::uint64_t before = frames();
    for (const auto& [call, count] : counts) {
        for (int nth = 1; nth <= count; ++nth) {
            const Cue cue{call, nth};
            SCOPED_TRACE(cue.text);
            expect_named(restore(host, file, cue.text), cue);
            ASSERT_EQ(domains_of(host), std::vector<unsigned>{});
            ASSERT_EQ(frames(), before);
        }
    }
    EXPECT_EQ(restore(host, file, "").status, 0);
}

TEST(Fault, ABufferThatIsUnmappedForAMomentIsNoFault)
{
    const TemporaryDirectory files;
    const FakeHost host{small_host};
    const std::string domid = suspended_guest(host);
    const std::string file = files.path() + "/stream";
    const std::string twice = "getpageframeinfo3:1:EFAULT,getpageframeinfo3:2:EFAULT";
    const Ended thrice = save(host, domid, file, twice + ",getpageframeinfo3:3:EFAULT");
    EXPECT_EQ(thrice.status, exit_hypervisor) << thrice.all();
    const Ended ended = save(host, domid, file, twice);
    EXPECT_EQ(ended.status, 0) << ended.all();
}

}  // namespace
}  // namespace sr::test
