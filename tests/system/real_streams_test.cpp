// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that a real Xen host wrote of real Linux guests: judged, restored, adopted, saved again and found equal.
#include "tests/support/json.hpp"
#include "tests/system/engines.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <set>

namespace sr::test {
namespace {

using nlohmann::json;

/// What a restore and another suspend change, and nothing else may. Names are those of `xsr diff --json`.
const std::set<std::string> expected_pages = {"p2m-leaves", "start-info", "store-ring",
                                              "console-ring"};

/// A file, and the one deviation from the specification that it has, if any, as `xsr verify` names it.
struct Stream {
    const char* name;
    const char* deviation;
};

void PrintTo(const Stream& stream, std::ostream* out)
{
    *out << stream.name;
}

class RealStream : public testing::TestWithParam<Stream> {
protected:
    void SetUp() override
    {
        const char* const streams = std::getenv("SR_STREAMS");
        if (streams == nullptr) {
            GTEST_SKIP() << "SR_STREAMS names no directory of streams of real guests";
        }
        const std::string packed = std::string{streams} + "/" + GetParam().name + ".xl.xz";
        ASSERT_TRUE(std::filesystem::exists(packed)) << packed;
        const Ended unpacked = run_command(
            {"/bin/sh", "-c", "xz -dc \"$1\" >\"$2\"", "sh", packed, file("original.xl")});
        ASSERT_EQ(unpacked.status, 0) << unpacked.all();
    }

    [[nodiscard]] std::string file(const char* name) const { return files_.path() + "/" + name; }

    TemporaryDirectory files_;
    /// As the host was that wrote them: QEMU's qemu64 has no XSAVE.
    FakeHost host_{{"--memory", "512M", "--seed", "1", "--no-xsave"}};
};

class RealPvStream : public RealStream {};

TEST_P(RealStream, IsJudgedAndTold)
{
    const std::string deviation = GetParam().deviation;
    const Ended judged = xsr(host_, {"verify", file("original.xl")});
    EXPECT_EQ(judged.status, deviation.empty() ? 0 : 1) << judged.all();
    EXPECT_NE(judged.out.find(deviation), std::string::npos) << judged.all();
    const Ended told = xsr(host_, {"info", file("original.xl")});
    EXPECT_EQ(told.status, 0) << told.all();
    const bool is_pvh = std::string{GetParam().name}.rfind("pvh", 0) == 0;
    EXPECT_NE(told.out.find(is_pvh ? "HVM" : "PV, x86, 64-bit"), std::string::npos) << told.out;
}

/// Every difference of this file to the original, each allowed by name.
void expect_equal_but_for_the_move(const json& diff)
{
    EXPECT_EQ(diff.at("differences"), 0) << diff.dump(1);
    EXPECT_GT(diff.at("pages").at("equal"), 4000);
    EXPECT_EQ(diff.at("pages").at("types"), json::array());
    for (const auto& [kind, pages] : diff.at("pages").at("expected").items()) {
        EXPECT_TRUE(expected_pages.contains(kind)) << kind << " " << pages;
    }
    for (const json& field : diff.at("fields")) {
        const std::string place = field.at("place");
        const std::string name = field.at("field");
        const bool selector = name == "sysenter_callback_cs" || name == "syscall32_callback_cs";
        const bool allowed = place == "SHARED_INFO" || name == "flags" || name == "VGCF_online" ||
                             name == "incarnation" || selector;
        EXPECT_TRUE(allowed && field.at("expected-after-restore").get<bool>()) << field;
        EXPECT_FALSE(field.at("reason").get<std::string>().empty()) << field;
    }
}

TEST_P(RealPvStream, RestoredAdoptedAndSavedAgainIsEqual)
{
    const Ended restored = xsr(host_, {"restore", "-p", file("original.xl")});
    ASSERT_EQ(restored.status, 0) << restored.all() << host_.log();
    (void)host_.fakexen({"adopt", "1"});
    const Ended saved = xsr(host_, {"save", "1", file("again.xl")});
    ASSERT_EQ(saved.status, 0) << saved.all() << host_.log();
    expect_stock_verifier_accepts(file("again.xl"), "xl");
    const Ended compared =
        xsr(host_, {"diff", "--json", "--ignore-restore", file("original.xl"), file("again.xl")});
    EXPECT_EQ(compared.status, 0)
        << xsr(host_, {"diff", file("original.xl"), file("again.xl")}).all();
    expect_equal_but_for_the_move(parsed_json(compared.out));
}

std::string name_of_stream(const testing::TestParamInfo<Stream>& test)
{
    std::string name = test.param.name;
    std::erase(name, '-');
    return name;
}

const Stream pv24{"pv24", ""};
const Stream pvpt48{"pvpt48", ""};
const Stream pv24_live{"pv24-live", "deviation (trailing)"};  // xl's handshake
const Stream pvh24{"pvh24",
                   "HVM_PARAMS: comes after HVM_CONTEXT"};  // the stock engine's own defect H

INSTANTIATE_TEST_SUITE_P(Streams, RealStream, testing::Values(pv24, pvpt48, pv24_live, pvh24),
                         name_of_stream);
INSTANTIATE_TEST_SUITE_P(Streams, RealPvStream, testing::Values(pv24, pvpt48, pv24_live),
                         name_of_stream);

}  // namespace
}  // namespace sr::test
