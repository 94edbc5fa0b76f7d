// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypervisors that report page tables which they do not vouch for any more: what a save makes of them.
#include "tests/support/json.hpp"
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace sr::test {
namespace {

class StaleTypes : public testing::Test {
protected:
    /// Saves with xsr, not raw. @param mode  of --stale-types
    [[nodiscard]] Ended save(const FakeHost& host, const std::string& domid,
                             const std::string& mode, bool live = false) const
    {
        std::vector<std::string> command = {"save", "--json", "--stale-types", mode};
        if (live) {
            command.emplace_back("--live");
        }
        command.insert(command.end(), {domid, stream_});
        return xsr(host, command);
    }

    /// The closing event's account of stale types; null if none were looked for.
    [[nodiscard]] static nlohmann::json account(const Ended& saved)
    {
        const auto begin = saved.errors.find("{\"event\":\"done\"");
        EXPECT_NE(begin, std::string::npos) << saved.all();
        return begin == std::string::npos
                   ? nlohmann::json{}
                   : parsed_json(saved.errors.substr(begin)).value("stale-types", nlohmann::json{});
    }

    TemporaryDirectory files_;
    std::string stream_ = files_.path() + "/stream.xl";
};

/// On a hypervisor that vouches for what it reports there are none to find: looking changes nothing.
TEST_F(StaleTypes, LookingIsRightOnAnyHypervisor)
{
    for (const char* bits : {"64", "32"}) {
        SCOPED_TRACE(bits);
        const FakeHost a{{"--memory", "256M", "--seed", "1"}};
        const FakeHost b{{"--memory", "256M", "--seed", "2"}};
        const GuestShape shape{
            .memory_mib = 16, .nr_vcpus = 3, .options = {"--offline", "1", "--bits", bits}};
        const std::string domid = create_guest(a, shape);
        const std::uint64_t before = a.await_count(domid, 60);
        const Ended saved = save(a, domid, "on");
        ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
        EXPECT_EQ(account(saved).value("tables", ~0U), 0U) << saved.all();
        const Ended restored = xsr(b, {"restore", stream_});
        ASSERT_EQ(restored.status, 0) << restored.all() << b.log();
        expect_alive(b, restored.out.substr(0, restored.out.find('\n')), before);
        std::filesystem::remove(stream_);
    }
}

TEST_F(StaleTypes, NobodyLooksUnlessTheHypervisorIsOld)
{
    const FakeHost host{{"--memory", "128M", "--seed", "1"}};
    for (const char* mode : {"auto", "off"}) {
        SCOPED_TRACE(mode);
        const std::string domid = create_guest(host, {});
        (void)host.await_count(domid, 10);
        const Ended saved = save(host, domid, mode);
        ASSERT_EQ(saved.status, 0) << saved.all() << host.log();
        EXPECT_TRUE(account(saved).is_null()) << saved.all();
        std::filesystem::remove(stream_);
    }
    EXPECT_EQ(xsr(host, {"save", "--stale-types", "maybe", "0", stream_}).status, 2);
}

/// The guest lets go of page tables that it never uses otherwise: their octets are plain memory to it.
class StaleTables : public StaleTypes, public testing::WithParamInterface<const char*> {
protected:
    /// A guest of that kind, on a host like Xen before 4.16.
    StaleTables() : domid_{create_guest(a_, shape_)}, before_{a_.await_count(domid_, 60)} {}

    [[nodiscard]] std::string restored() const
    {
        const Ended restored = xsr(b_, {"restore", stream_});
        EXPECT_EQ(restored.status, 0) << restored.all() << b_.log();
        return restored.out.substr(0, restored.out.find('\n'));
    }

    FakeHost a_{{"--memory", "256M", "--seed", "1", "--quirk", "stale-types"}};
    FakeHost b_{{"--memory", "256M", "--seed", "2"}};
    GuestShape shape_{.memory_mib = 16,
                      .nr_vcpus = 3,
                      .options = {"--offline", "1", "--stale-tables", "--bits", GetParam()}};
    std::string domid_;
    std::uint64_t before_;
};

TEST_P(StaleTables, CrossUntouchedIfTheyAreLookedFor)
{
    const Ended saved = save(a_, domid_, "on");
    ASSERT_EQ(saved.status, 0) << saved.all() << a_.log();
    EXPECT_GT(account(saved).value("tables", 0U), 0U) << saved.all();
    EXPECT_GT(account(saved).value("time-us", 0U), 0U) << saved.all();
    expect_alive(b_, restored(), before_);
}

/// They go out as tables while the guest runs, and again once it is known that they are none.
TEST_P(StaleTables, CrossUntouchedInALiveSaveToo)
{
    const Ended saved = save(a_, domid_, "on", true);
    ASSERT_EQ(saved.status, 0) << saved.all() << a_.log();
    EXPECT_GT(account(saved).value("tables", 0U), 0U) << saved.all();
    expect_alive(b_, restored(), before_);
}

/// What happens without: they are translated, and the guest finds other octets; or cannot be, and fail the save.
TEST_P(StaleTables, ChangeOrFailTheSaveIfNot)
{
    const Ended saved = save(a_, domid_, "off");
    if (saved.status != 0) {
        EXPECT_NE(saved.errors.find("TAB pfn"), std::string::npos) << saved.all();
        EXPECT_GE(a_.await_count(domid_, before_ + 20), before_ + 20) << a_.log();
        return;
    }
    const std::string domid = restored();
    (void)b_.await_count(domid, before_ + 40);
    EXPECT_NE(b_.verdict_of(domid).rfind("intact ", 0), 0U) << b_.verdict_of(domid) << b_.log();
}

INSTANTIATE_TEST_SUITE_P(Bits, StaleTables, testing::Values("64", "32"),
                         [](const auto& test) { return std::string{test.param}; });

}  // namespace
}  // namespace sr::test
