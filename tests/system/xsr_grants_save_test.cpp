// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr save --grants, and what a restore makes of the grants and of their limits, run as a user runs them.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/container.hpp"
#include "tests/support/fakehost.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <iterator>

namespace sr::test {
namespace {

using nlohmann::json;

class XsrSaveGrants : public testing::Test {
protected:
    [[nodiscard]] static Ended xsr(const FakeHost& host, std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return host.run(arguments);
    }
    static void expect_done(const FakeHost& host, const std::vector<std::string>& arguments)
    {
        const Ended ended = xsr(host, arguments);
        EXPECT_EQ(ended.status, 0) << ended.all() << host.log();
    }
    [[nodiscard]] static json json_of(const FakeHost& host,
                                      const std::vector<std::string>& arguments)
    {
        const Ended ended = xsr(host, arguments);
        EXPECT_EQ(ended.status, 0) << ended.all();
        return parsed_json(ended.out);
    }
    [[nodiscard]] static std::string create(const FakeHost& host, const std::string& version)
    {
        std::string domid =
            host.create_guest({"--memory", "16M", "--name", "web", "--period", "1", "--grants",
                               version, "--grant-peer", "0", "--grant-pages", "40"});
        (void)host.await_count(domid, 30);
        return domid;
    }
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return files_.path() + "/" + name;
    }
    /// An xl file around a bare stream, whose configuration limits grants as these members of b_info say.
    [[nodiscard]] std::string in_envelope(const std::string& raw, const std::string& members) const
    {
        std::string name = path("limited.xl");
        const Fd file{::open(name.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)};
        FdSink sink{file.get()};
        write_xl_head(sink, R"({"c_info": {"type": "pv", "name": "web"},
                                "b_info": {"max_memkb": 16384, )" +
                                members + "}}");
        std::ifstream from{raw, std::ios::binary};
        const std::string stream{std::istreambuf_iterator<char>{from}, {}};
        sink.write(std::as_bytes(std::span{stream}));
        write_libxl_tail(sink);
        return name;
    }

    TemporaryDirectory files_;
};

class XsrSaveGrantsOf : public XsrSaveGrants,
                        public testing::WithParamInterface<std::tuple<const char*, bool>> {
protected:
    [[nodiscard]] static std::string version() { return std::get<0>(GetParam()); }
    [[nodiscard]] static unsigned number() { return version() == "v2" ? 2 : 1; }
    [[nodiscard]] std::vector<std::string> save() const
    {
        std::vector<std::string> arguments = {"save", "-c", "--grants", "web", path("web.xl")};
        if (std::get<1>(GetParam())) {
            arguments.insert(arguments.begin() + 1, "--live");
        }
        return arguments;
    }
};

TEST_P(XsrSaveGrantsOf, RecordsTheTable)
{
    const FakeHost host;
    const std::string domid = create(host, version());
    expect_done(host, save());
    const json table = json_of(host, {"grants", "--json", path("web.xl")});
    EXPECT_EQ(table["version"], number());
    EXPECT_EQ(table["max-frames"], 4);
    EXPECT_FALSE(table.contains("max-version"));  // nobody limited it
    ASSERT_GE(table["grants"].size(), 30U);
    for (const json& grant : table["grants"]) {
        EXPECT_FALSE(grant.contains("mfn"));
        if (grant.contains("pfn")) {
            EXPECT_LT(grant["pfn"], 4096);  // of 16 MiB
        }
    }
    EXPECT_EQ(xsr(host, {"verify", path("web.xl")}).status, 0);
    EXPECT_EQ(host.verdict_of(domid).substr(0, 6), "intact") << host.verdict_of(domid);
    if (version() == "v1") {
        EXPECT_EQ(parsed_json(host.fakexen({"list", "--json"}))["status_frames"]["most"], 0);
    }
}

TEST_P(XsrSaveGrantsOf, RestoresAGuestThatMakesItsGrantsAnew)
{
    const FakeHost source;
    (void)create(source, version());
    expect_done(source, save());
    const FakeHost destination;
    expect_done(destination, {"restore", path("web.xl")});
    const std::uint64_t count = destination.count_of("1");
    EXPECT_GE(destination.await_count("1", count + 30), count + 30) << destination.log();
    EXPECT_EQ(destination.verdict_of("1").substr(0, 6), "intact") << destination.verdict_of("1");
    const json table = json_of(destination, {"grants", "--json", "web"});
    EXPECT_EQ(table["version"], number());
    EXPECT_GE(table["grants"].size(), 30U);
}

INSTANTIATE_TEST_SUITE_P(Versions, XsrSaveGrantsOf,
                         testing::Combine(testing::Values("v1", "v2"), testing::Bool()),
                         [](const auto& each) {
                             return std::string{std::get<0>(each.param)} +
                                    (std::get<1>(each.param) ? "Live" : "");
                         });

TEST_F(XsrSaveGrants, WritesNoneUnlessAsked)
{
    const FakeHost host;
    (void)create(host, "v1");
    expect_done(host, {"save", "-c", "web", path("web.xl")});
    EXPECT_EQ(xsr(host, {"show", path("web.xl")}).out.find("SR_GRANT"), std::string::npos);
    EXPECT_EQ(xsr(host, {"grants", path("web.xl")}).status, 2);
}

TEST_F(XsrSaveGrants, ARestoreKeepsTheLimitsOfTheConfiguration)
{
    const FakeHost host;
    (void)create(host, "v1");
    expect_done(host, {"save", "--raw", "--grants", "web", path("raw")});
    const std::string file =
        in_envelope(path("raw"), R"("max_grant_version": 1, "max_grant_frames": 7)");
    expect_done(host, {"restore", file});
    EXPECT_EQ(json_of(host, {"grants", "--json", "web"})["max-frames"], 7);
    EXPECT_EQ(json_of(host, {"grants", "--json", "web"})["max-version"], 1);
    // And the next save of it, whose configuration comes from the running domain.
    expect_done(host, {"save", "--grants", "web", path("again.xl")});
    const json table = json_of(host, {"grants", "--json", path("again.xl")});
    EXPECT_EQ(table["max-version"], 1);
    EXPECT_EQ(table["max-frames"], 7);
    expect_done(host, {"restore", path("again.xl")});
    EXPECT_EQ(json_of(host, {"grants", "--json", "web"})["max-frames"], 7);
}

TEST_F(XsrSaveGrants, ARestoreRefusesAGuestThatMayNotUseItsVersion)
{
    const FakeHost source;
    (void)create(source, "v2");
    expect_done(source, {"save", "--raw", "--grants", "web", path("raw")});
    const FakeHost host;
    const Ended ended =
        xsr(host, {"restore", in_envelope(path("raw"), R"("max_grant_version": 1)")});
    EXPECT_EQ(ended.status, 5) << ended.all();
    EXPECT_NE(ended.errors.find("grant table version 2"), std::string::npos) << ended.errors;
    EXPECT_NE(ended.errors.find("nothing is left of the new domain"), std::string::npos)
        << ended.errors;
    EXPECT_EQ(host.state_of("1"), "gone");
}

TEST_F(XsrSaveGrants, SaysThatAHostDoesNotOfferWhatAConfigurationAllows)
{
    const FakeHost source;
    (void)create(source, "v1");
    expect_done(source, {"save", "--raw", "web", path("raw")});
    const FakeHost host{{"--memory", "256M", "--quirk", "grant-version:1"}};
    const Ended ended =
        xsr(host, {"restore", in_envelope(path("raw"), R"("max_grant_version": 2)")});
    EXPECT_EQ(ended.status, 5) << ended.all();
    EXPECT_NE(ended.errors.find("grant tables of version 2, and this host of version 1 only"),
              std::string::npos)
        << ended.errors;
    expect_done(host, {"restore", in_envelope(path("raw"), R"("max_vcpus": 1)")});
}

TEST_F(XsrSaveGrants, SaysThatAHostMayNotAllowAsManyFrames)
{
    const FakeHost host;
    (void)create(host, "v1");
    expect_done(host, {"save", "--raw", "web", path("raw")});
    const Ended ended =
        xsr(host, {"restore", in_envelope(path("raw"), R"("max_grant_frames": 1000000)")});
    EXPECT_NE(ended.status, 0);
    for (const char* const part : {"max_grant_frames=1000000", "gnttab_max_frames="}) {
        EXPECT_NE(ended.errors.find(part), std::string::npos) << ended.errors;
    }
}

}  // namespace
}  // namespace sr::test
