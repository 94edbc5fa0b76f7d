// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr grants, and what xsr's other verbs make of grant tables, run as a user runs them.
#include "tests/support/fakehost.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

namespace sr::test {
namespace {

using nlohmann::json;

// Where things stand in pv_stream_grants.hex, in octets.
constexpr std::size_t info_max_frames = 0x88 + 8 + 8;
constexpr std::size_t first_entry = 0x6190 + 8 + 16;
constexpr std::size_t second_entry = first_entry + 32;

std::string text_of(const Octets& octets)
{
    std::string text(octets.size(), '\0');
    std::transform(octets.begin(), octets.end(), text.begin(),
                   [](std::byte each) { return std::to_integer<char>(each); });
    return text;
}

void expect_words(const std::string& text, const std::vector<std::string>& all)
{
    for (const std::string& words : all) {
        EXPECT_NE(text.find(words), std::string::npos) << words << " in " << text;
    }
}

class XsrGrants : public testing::Test {
protected:
    [[nodiscard]] static Ended xsr(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return run_command(arguments);
    }
    [[nodiscard]] static Ended xsr(const FakeHost& host, std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), in_build("xsr"));
        return host.run(arguments);
    }
    [[nodiscard]] static json json_of(const FakeHost& host, const std::string& domain)
    {
        const Ended ended = xsr(host, {"grants", "--json", domain});
        EXPECT_EQ(ended.status, 0) << ended.all();
        return parsed_json(ended.out);
    }
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return files_.path() + "/" + name;
    }
    [[nodiscard]] std::string write(const std::string& name, const std::string& octets) const
    {
        std::ofstream{path(name), std::ios::binary} << octets;
        return path(name);
    }
    /// The stream with grants, with octets changed, as a file.
    [[nodiscard]] std::string changed(const std::string& name, std::size_t at,
                                      const std::string& octets) const
    {
        std::string other = stream_;
        other.replace(at, octets.size(), octets);
        return write(name, other);
    }

    TemporaryDirectory files_;
    std::string stream_ = text_of(golden("pv_stream_grants.hex"));
    std::string file_ = write("guest", stream_);
    std::string without_ = write("without", text_of(golden("pv_stream.hex")));
};

TEST_F(XsrGrants, ShowsTheTableInAFile)
{
    const Ended ended = xsr({"grants", file_});
    EXPECT_EQ(ended.status, 0) << ended.all();
    const std::string head = "guest: grant table of version 2 (at most 2), 2 frames (at most 64), "
                             "1 status frame; 5 grants, 2 in use\n\n";
    expect_words(ended.out,
                 {head, "\n       8  1                 pfn 0xc      ", "pfn 0xd octets 512..639",
                  "ref 16909060 of domain 3", "give a page", "reading, writing  revoked\n"});
    EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 2 + 1 + 5) << ended.out;
}

TEST_F(XsrGrants, ShowsItFromAPipe)
{
    const Ended ended = run_command(
        {"sh", "-c", "cat \"$1\" | \"$2\" grants --json -", "sh", file_, in_build("xsr")});
    EXPECT_EQ(ended.status, 0) << ended.all();
    const json table = parsed_json(ended.out);
    EXPECT_EQ(table["file"], "standard input");
    EXPECT_EQ(table["version"], 2);
    EXPECT_EQ(table["max-frames"], 64);
    ASSERT_EQ(table["grants"].size(), 5U);
    EXPECT_EQ(table["grants"][0]["pfn"], 12);
    EXPECT_EQ(table["grants"][1]["sub-page"]["offset"], 512);
    EXPECT_EQ(table["grants"][4]["kind"], "invalid");
}

TEST_F(XsrGrants, SaysThatAFileHoldsNone)
{
    const Ended ended = xsr({"grants", without_});
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    expect_words(ended.errors, {"holds no grant table", "xsr save --grants"});
}

TEST_F(XsrGrants, RefusesWhatIsNoTable)
{
    const std::string wrong =
        changed("wrong", second_entry, "\x01");  // does not come after the first
    const Ended ended = xsr({"grants", wrong});
    EXPECT_EQ(ended.status, 4);
    expect_words(ended.errors, {"record 9 SR_GRANT_TABLE_ENTRIES at offset 0x6190"});
    EXPECT_EQ(xsr({"show", "--type", "grant", wrong}).status, 4);
    EXPECT_EQ(xsr({"grants", write("cut", stream_.substr(0, first_entry))}).status, 3);
}

TEST_F(XsrGrants, SaysThatThereIsNeitherDomainNorFile)
{
    const Ended nowhere =
        run_command({in_build("xsr"), "grants", "nosuch"}, {{"FAKEXEN_HOST", ""}});
    EXPECT_NE(nowhere.status, 0);
    expect_words(nowhere.errors, {"no file 'nosuch'"});
    const FakeHost host;
    const Ended ended = xsr(host, {"grants", "nosuch"});
    EXPECT_EQ(ended.status, 8);
    expect_words(ended.errors, {"there is no domain 'nosuch', nor such a file"});
    EXPECT_EQ(xsr(host, {"grants", path("nosuch")}).status, 3);
}

TEST_F(XsrGrants, ShowAndInfoKnowTheRecords)
{
    const std::string size = "version 2 (at most 2), 9 frames (at most 64), 2 status frames\n";
    expect_words(xsr({"show", file_}).out, {"SR_GRANT_TABLE_INFO    " + size,
                                            "SR_GRANT_TABLE_ENTRIES version 2, 2 frames, "});
    const std::string details = xsr({"show", "--type", "entries", file_}).out;
    expect_words(details, {"in use\n       8  1 ", "511  1 "});
    const json entries = parsed_json(xsr({"show", "--json", "--type", "entries", file_}).out);
    EXPECT_EQ(entries["type"], "SR_GRANT_TABLE_ENTRIES");
    EXPECT_EQ(entries["grants"][2]["source"]["ref"], 0x01020304);
    const json info = parsed_json(xsr({"show", "--json", "--type", "table_info", file_}).out);
    EXPECT_EQ(info["status-frames"], 2);
    expect_words(xsr({"info", file_}).out, {"Grant table   version 2", "5 grants, 2 in use\n"});
    EXPECT_EQ(parsed_json(xsr({"info", "--json", file_}).out)["grant-table"]["in-use"], 2);
    EXPECT_EQ(xsr({"info", without_}).out.find("Grant table"), std::string::npos);
}

TEST_F(XsrGrants, DiffComparesEntriesByTheirNumber)
{
    EXPECT_EQ(xsr({"diff", file_, file_}).status, 0);
    EXPECT_EQ(xsr({"diff", file_, without_}).status, 0);  // which says nothing of its grants
    const std::string other = changed("other", first_entry + 6, "\x07");  // its domain
    const Ended ended = xsr({"diff", "--ignore-restore", file_, other});
    EXPECT_EQ(ended.status, 1);
    expect_words(ended.out, {"grant 8  to 1: pfn 0xc, read, reading -> to 7: pfn 0xc"});
}

TEST_F(XsrGrants, DiffKnowsWhatARestoreMakesOfGrants)
{
    const std::string unmapped = changed("unmapped", first_entry + 22, std::string(1, '\0'));
    const std::string limits = changed("limits", info_max_frames, "\x20");
    std::string fewer = stream_;  // the first entry alone
    fewer.replace(0x6190 + 4, 4, std::string{'\x30', '\0', '\0', '\0'});
    fewer.replace(0x6190 + 12, 4, std::string{'\x01', '\0', '\0', '\0'});
    fewer.erase(second_entry, std::size_t{4} * 32);
    std::string seeded = stream_;  // the first entry becomes that of xenstore, in place of none
    seeded.replace(first_entry, 1, "\x01");
    seeded.replace(first_entry + 4, 1, "\x01");  // access, not limited to reading
    for (const std::string& other :
         {unmapped, limits, write("fewer", fewer), write("seeded", seeded)}) {
        SCOPED_TRACE(other);
        const Ended ended = xsr({"diff", file_, other});
        EXPECT_EQ(ended.status, 1) << ended.all();
        expect_words(ended.out, {"Expected after a restore:", "since "});
        EXPECT_EQ(xsr({"diff", "--ignore-restore", file_, other}).status, 0) << ended.out;
    }
    EXPECT_EQ(xsr({"diff", "--ignore-restore", path("fewer"), file_}).status, 1);
}

/// Entries 0 and 1 are excused where they are what a toolstack makes, for whatever domain.
TEST_F(XsrGrants, DiffExcusesSeedsOnly)
{
    std::string seeded = stream_;
    seeded.replace(first_entry, 1, "\x01");
    seeded.replace(first_entry + 4, 1, "\x01");
    const auto status_with = [&](std::size_t at, const std::string& octets) {
        std::string other = seeded;
        other.replace(first_entry + at, octets.size(), octets);
        return xsr({"diff", "--ignore-restore", file_, write("other", other)}).status;
    };
    EXPECT_EQ(status_with(6, "\x07"), 0);
    EXPECT_EQ(status_with(4, "\x05"), 1) << "read only";
    EXPECT_EQ(status_with(4, "\x21"), 1) << "to be cached otherwise";
    EXPECT_EQ(status_with(8, std::string(8, '\xff')), 1) << "no page of the guest";
    EXPECT_EQ(status_with(4, std::string{'\x02', '\0', '\1', '\0'} + std::string(8, '\xff')), 1)
        << "a transfer";
}

TEST_F(XsrGrants, TellsADomainFromAFileOfItsName)
{
    const FakeHost host;
    (void)host.create_guest({"--memory", "8M", "--name", "web"});
    (void)write("web", stream_);
    (void)write("1", stream_);
    const auto in_folder = [&](const std::string& what) {
        return host.run({"sh", "-c", "cd \"$1\" && exec \"$2\" grants \"$3\"", "sh", files_.path(),
                         in_build("xsr"), what});
    };
    const Ended both = in_folder("web");
    EXPECT_EQ(both.status, 2);
    expect_words(both.errors, {"'web' is domain 1 (web) and a file: say 1 or ./web"});
    expect_words(in_folder("1").out, {"domain 1 (web): grant table of version 1, "});
    expect_words(in_folder("./1").out, {"./1: grant table of version 2 "});
    expect_words(in_folder("guest").out, {"guest: grant table of version 2 "});
}

// ---- Domains that live ----------------------------------------------------------------------

/// A host with a guest that grants pages to another one, which maps them.
class SharingHost {
public:
    explicit SharingHost(const std::string& version)
        : granter_{host_.create_guest({"--memory", "16M", "--name", "web", "--period", "1",
                                       "--grants", version, "--grant-peer", "2"})},
          peer_{host_.create_guest(
              {"--memory", "16M", "--name", "peer", "--period", "1", "--map-grants-of", granter_})}
    {
    }
    [[nodiscard]] const FakeHost& host() const noexcept { return host_; }

private:
    FakeHost host_;
    std::string granter_;
    std::string peer_;
};

std::size_t nr_in_use(const json& table)
{
    const json& grants = table["grants"];
    return static_cast<std::size_t>(
        std::count_if(grants.begin(), grants.end(), [](const json& grant) {
            return grant.value("reading", false) || grant.value("writing", false);
        }));
}

class XsrGrantsOf : public XsrGrants, public testing::WithParamInterface<const char*> {};

TEST_P(XsrGrantsOf, ALiveDomain)
{
    const SharingHost sharing{GetParam()};
    json table;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    do {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        table = json_of(sharing.host(), "web");
    } while (nr_in_use(table) == 0 && std::chrono::steady_clock::now() < end);
    const bool is_v2 = std::string{GetParam()} == "v2";
    EXPECT_EQ(table["domid"], 1);
    EXPECT_EQ(table["version"], is_v2 ? 2 : 1);
    EXPECT_EQ(table["status-frames"], is_v2 ? 1 : 0);
    EXPECT_GT(nr_in_use(table), 0U);
    const json& grants = table["grants"];
    const auto to_peer = std::find_if(grants.begin(), grants.end(), [](const json& grant) {
        return grant["domid"] == 2 && grant.contains("pfn") && grant.contains("mfn");
    });
    ASSERT_NE(to_peer, grants.end()) << table;
    EXPECT_EQ((*to_peer)["name"], "peer");
    const Ended text = xsr(sharing.host(), {"grants", "1"});
    expect_words(text.out,
                 {"domain 1 (web): grant table of version ", "2 (peer)", "pfn 0x", " (mfn 0x"});
    if (!is_v2) {
        const json host = parsed_json(sharing.host().fakexen({"list", "--json"}));
        EXPECT_EQ(host["status_frames"]["most"], 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Versions, XsrGrantsOf, testing::Values("v1", "v2"),
                         [](const auto& each) { return std::string{each.param}; });

}  // namespace
}  // namespace sr::test
