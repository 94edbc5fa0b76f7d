// SPDX-License-Identifier: LGPL-2.1-or-later
// Each call that the engines make fails in turn, each time it is made: the sentence names call and errno, the exit
// status is that of a failed hypervisor, no file is left, and the domain can be saved as before or is gone.
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <sstream>

namespace sr::test {
namespace {

constexpr int exit_hypervisor = 6;
const std::vector<std::string> small_host = {"--memory", "64M"};
const std::vector<std::string> small_guest = {"--memory", "4M", "--vcpus", "2", "--period", "1"};

/// Calls that the engines make, as the host names them, and the words for them in a message. The toolstack of xsr makes
/// others beside, and some of these too: FailingCalls fails those.
const std::map<std::string, std::string> engine_calls = {
    {"domctl.get_address_size", "XEN_DOMCTL_get_address_size"},
    {"domctl.get_cpu_policy", "XEN_DOMCTL_get_cpu_policy"},
    {"domctl.get_ext_vcpucontext", "XEN_DOMCTL_get_ext_vcpucontext"},
    {"domctl.get_vcpu_msrs", "XEN_DOMCTL_get_vcpu_msrs"},
    {"domctl.getpageframeinfo3", "XEN_DOMCTL_getpageframeinfo3"},
    {"domctl.gettscinfo", "XEN_DOMCTL_gettscinfo"},
    {"domctl.getvcpucontext", "XEN_DOMCTL_getvcpucontext"},
    {"domctl.getvcpuextstate", "XEN_DOMCTL_getvcpuextstate"},
    {"domctl.getvcpuinfo", "XEN_DOMCTL_getvcpuinfo"},
    {"domctl.set_cpu_policy", "XEN_DOMCTL_set_cpu_policy"},
    {"domctl.set_ext_vcpucontext", "XEN_DOMCTL_set_ext_vcpucontext"},
    {"domctl.settscinfo", "XEN_DOMCTL_settscinfo"},
    {"domctl.setvcpucontext", "XEN_DOMCTL_setvcpucontext"},
    {"domctl.setvcpuextstate", "XEN_DOMCTL_setvcpuextstate"},
    {"map", "xenforeignmemory_map"},
    {"map_resource", "XENMEM_acquire_resource"},
    {"memory_op.machphys_mfn_list", "XENMEM_machphys_mfn_list"},
    {"memory_op.maximum_ram_page", "XENMEM_maximum_ram_page"},
    {"memory_op.populate_physmap", "XENMEM_populate_physmap"},
    {"mmuext_op", "MMUEXT_PIN_TABLE"},
    {"sysctl.get_cpu_policy", "XEN_SYSCTL_get_cpu_policy"},
    {"sysctl.getdomaininfolist", "XEN_SYSCTL_getdomaininfolist"},
    {"xen_version", "XENVER_version"},
};

/// How often xsr has made each of them: a line is "17 PID PROGRAM CALL = RESULT".
std::map<std::string, int> calls_of_xsr(const FakeHost& host)
{
    std::map<std::string, int> counts;
    const auto answer = nlohmann::json::parse(host.fakexen({"calls", "--json"}));
    for (const std::string line : answer.at("calls")) {
        std::istringstream words{line};
        std::string number;
        std::string pid;
        std::string program;
        std::string call;
        words >> number >> pid >> program >> call;
        if (program.find("xsr") != std::string::npos && engine_calls.contains(call)) {
            ++counts[call];
        }
    }
    return counts;
}

std::string suspended_guest(const FakeHost& host)
{
    const std::string domid = host.create_guest(small_guest);
    (void)host.await_count(domid, 5);
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

/// One sentence that names the call and EIO's, of a failed hypervisor.
void expect_named(const Ended& ended, const std::string& words)
{
    EXPECT_EQ(ended.status, exit_hypervisor) << ended.all();
    EXPECT_NE(ended.errors.find(words), std::string::npos) << words << " not in " << ended.errors;
    EXPECT_NE(ended.errors.find("Input/output error"), std::string::npos) << ended.errors;
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
            const std::string cue = call + ":" + std::to_string(nth) + ":EIO";
            SCOPED_TRACE(cue);
            const Ended ended = save(host, domid, file, cue);
            expect_named(ended, engine_calls.at(call));
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
        const auto list = nlohmann::json::parse(host.fakexen({"list", "--json"}));
        return list.at("free_frames").get<std::uint64_t>();
    };
    const std::uint64_t before = frames();
    for (const auto& [call, count] : counts) {
        for (int nth = 1; nth <= count; ++nth) {
            const std::string cue = call + ":" + std::to_string(nth) + ":EIO";
            SCOPED_TRACE(cue);
            expect_named(restore(host, file, cue), engine_calls.at(call));
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
