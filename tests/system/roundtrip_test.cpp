// SPDX-License-Identifier: LGPL-2.1-or-later
// A guest that is saved on one host and goes on living on another, with each engine at either end.
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace sr::test {
namespace {

const std::vector<std::string> host_a = {"--memory", "256M", "--seed", "1"};
const std::vector<std::string> host_b = {"--memory", "256M", "--seed", "2"};

/// Quanta after which a guest has written all its pages and changed tables, balloon and contents often.
constexpr std::uint64_t busy_count = 60;

struct NamedShape {
    const char* what;
    GuestShape shape;
};

const NamedShape shapes[] = {
    {"List", {.options = {"--p2m", "list"}}},
    {"Tree", {.options = {"--p2m", "tree"}}},
    {"PaeList", {.options = {"--bits", "32", "--p2m", "list"}}},
    {"PaeTree", {.options = {"--bits", "32", "--p2m", "tree"}}},
    {"PaeListUnaligned",
     {.nr_vcpus = 3,
      .options = {"--bits", "32", "--p2m-offset", "2101248", "--holes", "500", "--offline", "1"}}},
    {"ListUnaligned", {.options = {"--p2m", "list", "--p2m-offset", "2101248", "--holes", "500"}}},
    {"ManyVcpus", {.nr_vcpus = 4, .options = {"--offline", "1", "--trailing-holes", "300"}}},
};

class RoundTrip : public testing::TestWithParam<std::tuple<Engine, Engine, NamedShape>> {
protected:
    TemporaryDirectory files_;
};

TEST_P(RoundTrip, GuestGoesOnAndFindsEveryPageIntact)
{
    const auto& [saver, restorer, named] = GetParam();
    const std::string file = files_.path() + "/stream";
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, named.shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    save_raw(a, saver, domid, file);
    EXPECT_EQ(domains_of(a), std::vector<unsigned>{});
    expect_stock_verifier_accepts(file, "libxc");
    EXPECT_EQ(xsr(b, {"verify", file}).status, 0) << xsr(b, {"verify", file}).all();
    expect_alive(b, restore_raw(b, restorer, file, named.shape), before);
}

std::string name_of_case(const testing::TestParamInfo<RoundTrip::ParamType>& test)
{
    const auto& [saver, restorer, named] = test.param;
    return std::string{to_string(saver)} + "_" + to_string(restorer) + "_" + named.what;
}

INSTANTIATE_TEST_SUITE_P(Engines, RoundTrip,
                         testing::Combine(testing::Values(Engine::libsr, Engine::stock),
                                          testing::Values(Engine::libsr, Engine::stock),
                                          testing::ValuesIn(shapes)),
                         name_of_case);

class XlFile : public testing::Test {
protected:
    [[nodiscard]] std::string file(const std::string& name) const
    {
        return files_.path() + "/" + name;
    }

    TemporaryDirectory files_;
};

TEST_F(XlFile, HoldsAllThatARestoreNeeds)
{
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, {.name = "web", .nr_vcpus = 2});
    const std::uint64_t before = a.await_count(domid, busy_count);
    const Ended saved = xsr(a, {"save", "web", file("web.xl")});
    ASSERT_EQ(saved.status, 0) << saved.all();
    expect_stock_verifier_accepts(file("web.xl"), "xl");
    const Ended restored = xsr(b, {"restore", file("web.xl")});
    ASSERT_EQ(restored.status, 0) << restored.all();
    expect_alive(b, "1", before);
}

/// Twice, because the second one needs xenstored to have been told of the first resume.
TEST_F(XlFile, SnapshotsLeaveTheGuestRunning)
{
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, {});
    std::uint64_t count = a.await_count(domid, busy_count);
    for (const char* name : {"first.xl", "second.xl"}) {
        const Ended saved = xsr(a, {"save", "-c", domid, file(name)});
        ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
        expect_alive(a, domid, count);
        count = a.count_of(domid);
    }
    const Ended restored = xsr(b, {"restore", "--name", "other", file("first.xl")});
    ASSERT_EQ(restored.status, 0) << restored.all();
    expect_alive(b, "1", busy_count);
}

TEST_F(XlFile, AGuestTravelsOnAndOn)
{
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    std::string domid = create_guest(a, {.options = {"--holes", "100"}});
    std::uint64_t count = a.await_count(domid, busy_count);
    for (int leg = 0; leg < 4; ++leg) {
        SCOPED_TRACE(leg);
        const FakeHost& from = leg % 2 == 0 ? a : b;
        const FakeHost& to = leg % 2 == 0 ? b : a;
        ASSERT_EQ(xsr(from, {"save", "-f", domid, file("leg.xl")}).status, 0) << from.log();
        const Ended restored = xsr(to, {"restore", file("leg.xl")});
        ASSERT_EQ(restored.status, 0) << restored.all() << to.log();
        domid = restored.out.substr(0, restored.out.find('\n'));
        expect_alive(to, domid, count);
        count = to.count_of(domid);
    }
}

}  // namespace
}  // namespace sr::test
