// SPDX-License-Identifier: LGPL-2.1-or-later
// What a host that cannot take a guest is made to say: no 32-bit guests, a name that is taken, a hypercall that fails.
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

namespace sr::test {
namespace {

constexpr int exit_unsupported = 5;
constexpr int exit_hypervisor = 6;
constexpr int exit_no_domain = 8;

class HostRefusals : public testing::Test {
protected:
    /// Runs xsr with one call that fails: "domctl.set_address_size:1:EOPNOTSUPP".
    [[nodiscard]] static Ended xsr_failing(const FakeHost& host, const std::string& cue,
                                           std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return host.run(arguments, {{"FAKEXEN_FAIL", cue}});
    }

    /// xsr's arguments to restore stream_.
    [[nodiscard]] std::vector<std::string> restoring() const
    {
        return {"restore", "--progress", "none", "--name", "guest", "--memory", "20M", stream_};
    }

    /// A stream of a guest of this width, in stream_.
    void save_one(const char* bits) const
    {
        const FakeHost source{host_};
        const GuestShape shape{.memory_mib = 16, .options = {"--bits", bits}};
        const std::string domid = create_guest(source, shape);
        (void)source.await_count(domid, 10);
        save_raw(source, Engine::libsr, domid, stream_);
    }

    const std::vector<std::string> host_{"--memory", "128M"};
    TemporaryDirectory files_;
    std::string stream_ = files_.path() + "/stream";
};

void expect_message(const Ended& ended, const std::string& pattern)
{
    EXPECT_TRUE(std::regex_search(ended.errors, std::regex{pattern})) << pattern << "\n"
                                                                      << ended.all();
}

/// A hypervisor with pv=no-32, and one where the domain has pages already.
TEST_F(HostRefusals, OfA32BitGuestAreSentences)
{
    save_one("32");
    const FakeHost host{host_};
    const Ended none = xsr_failing(host, "domctl.set_address_size:1:EOPNOTSUPP", restoring());
    EXPECT_EQ(none.status, exit_unsupported) << none.all();
    expect_message(none, "X86_PV_INFO.*this host runs no 32-bit PV guests .*pv=32.*"
                         "XEN_DOMCTL_set_address_size failed");
    const Ended late = xsr_failing(host, "domctl.set_address_size:1:EACCES", restoring());
    EXPECT_NE(late.status, 0);
    expect_message(late, "domain [0-9]+ cannot become a 32-bit one, as it has memory already: "
                         "XEN_DOMCTL_set_address_size failed");
    EXPECT_EQ(domains_of(host), std::vector<unsigned>{});
}

/// The table that Xen shows to 32-bit guests is what its slots are known by: without it there is no save.
TEST_F(HostRefusals, OfTheTableFor32BitGuestsFailTheSave)
{
    const FakeHost host{host_};
    for (const char* bits : {"32", "64"}) {
        SCOPED_TRACE(bits);
        const std::string domid = create_guest(host, {.name = bits, .options = {"--bits", bits}});
        const std::uint64_t before = host.await_count(domid, 10);
        const Ended ended = xsr_failing(host, "memory_op.machphys_compat_mfn_list:1:EOPNOTSUPP",
                                        {"save", "--progress", "none", domid, stream_});
        if (std::string{bits} == "64") {
            EXPECT_EQ(ended.status, 0) << "it was never asked for\n" << ended.all();
            continue;
        }
        EXPECT_EQ(ended.status, exit_hypervisor) << ended.all();
        expect_message(ended, "XENMEM_machphys_compat_mfn_list failed.*the guest runs again");
        EXPECT_GE(host.await_count(domid, before + 10), before + 10) << host.log();
    }
}

/// A list of all domains that ends early does not make room for a second one of the same name.
TEST_F(HostRefusals, OfATakenNameNeedNoWholeList)
{
    save_one("64");
    const FakeHost host{host_};
    const std::string domid = create_guest(host, {.name = "guest", .options = {}});
    for (const char* cue : {"domctl.getdomaininfo:1:ESRCH", "domctl.getdomaininfo:2:ESRCH",
                            "domctl.getdomaininfo:3:ESRCH"}) {
        SCOPED_TRACE(cue);
        const Ended ended = xsr_failing(host, cue, restoring());
        EXPECT_EQ(ended.status, exit_no_domain) << ended.all();
        expect_message(ended, "the name 'guest' is taken by domain " + domid);
        EXPECT_EQ(domains_of(host).size(), 1U);
    }
}

TEST_F(HostRefusals, OfADomainNameTheCall)
{
    save_one("64");
    const FakeHost host{host_};
    const Ended ended = xsr_failing(host, "domctl.createdomain:1:ENOMEM", restoring());
    EXPECT_EQ(ended.status, exit_hypervisor) << ended.all();
    expect_message(ended, "cannot create a domain: XEN_DOMCTL_createdomain failed: Cannot allocate "
                          "memory");
}

}  // namespace
}  // namespace sr::test
