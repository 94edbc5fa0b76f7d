// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr's verbs that only look: info, verify, show and diff, run as a user runs them.
#include "tests/support/command.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <tuple>

namespace sr {
namespace {

using nlohmann::json;
using test::Ended;
using test::parsed_json;

// Where things stand in pv_stream.hex, in octets.
constexpr std::size_t page_data_reserved = 0xa8 + 8 + 4;
constexpr std::size_t first_contents = 0xa8 + 8 + 8 + std::size_t{9} * 8;
constexpr std::size_t data_page = first_contents + std::size_t{5} * 4096;  // pfn 5, start_info
constexpr std::size_t l1_page = first_contents + std::size_t{4} * 4096;    // pfn 4
constexpr std::size_t shared_info = 0x6168 + 8;
constexpr std::size_t vcpu_basic = 0x7170 + 8 + 8;

std::string text_of(const Octets& octets)
{
    std::string text(octets.size(), '\0');
    std::transform(octets.begin(), octets.end(), text.begin(),
                   [](std::byte each) { return std::to_integer<char>(each); });
    return text;
}

class XsrLook : public testing::Test {
protected:
    [[nodiscard]] static Ended xsr(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), test::in_build("xsr"));
        return test::run_command(arguments);
    }
    /// With a file on a pipe as standard input.
    [[nodiscard]] static Ended xsr_reading(const std::string& file,
                                           const std::vector<std::string>& arguments)
    {
        std::vector<std::string> all = {"sh", "-c", "input=$1; shift; cat \"$input\" | \"$@\"",
                                        "sh", file, test::in_build("xsr")};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return test::run_command(all);
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
    /// The golden stream with one octet changed, as a file.
    [[nodiscard]] std::string changed(std::size_t at, char octet) const
    {
        std::string other = pv_;
        other.at(at) = octet;
        return write("changed", other);
    }

    test::TemporaryDirectory files_;
    std::string pv_ = text_of(test::golden("pv_stream.hex"));
    std::string pv_file_ = write("pv", pv_);
};

/// A failure is one line on standard error that begins with the verb.
void expect_sentence(const Ended& outcome, const std::string& verb)
{
    EXPECT_EQ(outcome.errors.rfind("xsr " + verb + ": ", 0), 0U) << outcome.errors;
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
}

TEST_F(XsrLook, VerifyAcceptsEveryContainerAndAPipe)
{
    for (const char* name :
         {"pv_stream.hex", "pv_stream_v2.hex", "pv32_stream.hex", "xl_pv_file.hex"}) {
        SCOPED_TRACE(name);
        const std::string file = write("file", text_of(test::golden(name)));
        EXPECT_EQ(xsr({"verify", file}).status, 0);
        EXPECT_EQ(xsr_reading(file, {"verify", "-"}).status, 0);
    }
}

TEST_F(XsrLook, VerifyTellsKindsOfFindingsByStatus)
{
    EXPECT_EQ(xsr({"verify", changed(page_data_reserved, 1)}).status, 1);
    EXPECT_EQ(xsr({"verify", write("cut", pv_.substr(0, pv_.size() - 4))}).status, 3);
    EXPECT_EQ(xsr({"verify", changed(0x28 + 8, 5)}).status, 4);  // guest width
    EXPECT_EQ(xsr({"verify", write("text", "#!/bin/sh\n")}).status, 5);
    EXPECT_EQ(xsr({"verify", path("none")}).status, 3);
}

TEST_F(XsrLook, VerifyNamesRecordAndOffset)
{
    const Ended outcome = xsr({"verify", changed(page_data_reserved, 1)});
    EXPECT_NE(outcome.out.find("record 5 PAGE_DATA at offset 0xa8: deviation (reserved)"),
              std::string::npos)
        << outcome.out;
    const json judged = parsed_json(xsr({"verify", "--json", path("changed")}).out);
    EXPECT_EQ(judged["deviations"], 1);
    EXPECT_EQ(judged["findings"][0]["record"], 5);
    EXPECT_EQ(judged["findings"][0]["offset"], 0xa8);
}

TEST_F(XsrLook, EveryVerbJudgesAnUnreadableFileAlike)
{
    const std::string ident = pv_.substr(0, 12);
    const std::tuple<const char*, std::string, int> files[] = {
        {"io", "", 3},
        {"unsupported", "\x1f\x8b" + std::string(100, 'x'), 5},
        {"unsupported", ident + std::string("\0\0\0\x09", 4) + pv_.substr(16), 5},  // version 9
        {"malformed", pv_.substr(0, 24) + "\xff" + pv_.substr(25), 4},
    };
    for (const auto& [error_class, octets, status] : files) {
        SCOPED_TRACE(error_class);
        const std::string file = write("unreadable", octets);
        EXPECT_EQ(xsr({"verify", file}).status, status);
        EXPECT_EQ(xsr({"show", "--json", file}).status, status);
        const Ended info = xsr({"info", "--json", file});
        EXPECT_EQ(info.status, status) << info.all();
        const json error = parsed_json(info.errors);
        EXPECT_EQ(error["class"], error_class);
        EXPECT_EQ(error["exit-code"], status);
    }
}

TEST_F(XsrLook, NoRecordOfLibxcIsBlamedForTheContainer)
{
    const std::string xl = text_of(test::golden("xl_pv_file.hex"));
    const std::string file = write("cut", xl.substr(0, xl.size() - 8));
    const Ended outcome = xsr({"verify", file});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_EQ(outcome.out.find("libxl record 1 (no head) at offset"),
              std::string{"error (framing): "}.size())
        << outcome.out;
    const json judged = parsed_json(xsr({"verify", "--json", file}).out);
    EXPECT_FALSE(judged["findings"][0].contains("record"));
}

TEST_F(XsrLook, InfoTellsFacts)
{
    const Ended outcome = xsr({"info", pv_file_});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("PV, x86, 64-bit"), std::string::npos) << outcome.out;
    const json facts = parsed_json(xsr({"info", "--json", pv_file_}).out);
    EXPECT_EQ(facts["memory"]["pages"], 7);
    EXPECT_EQ(facts["records"]["PAGE_DATA"]["records"], 2);
    EXPECT_TRUE(facts["complete"]);
}

TEST_F(XsrLook, TellsOfA32BitGuest)
{
    const std::string pv32 = write("pv32", text_of(test::golden("pv32_stream.hex")));
    const std::string facts = xsr({"info", pv32}).out;
    EXPECT_NE(facts.find("PV, x86, 32-bit"), std::string::npos) << facts;
    EXPECT_NE(facts.find("4: 1 L3, 2 L2, 1 L1; 1 pinned"), std::string::npos) << facts;
    const std::string vcpu = xsr({"show", "--type", "vcpu_basic", pv32}).out;
    EXPECT_NE(vcpu.find("eip 0x0, esp 0x0, cr3 0x1000 (pfn 0x1), offline"), std::string::npos)
        << vcpu;
    EXPECT_NE(vcpu.find("edx    0x5"), std::string::npos) << vcpu;
    const std::string table = xsr({"show", "--pfn", "1", pv32}).out;
    EXPECT_NE(table.find("[  3]       pfn 0x3               P RW US A\n"), std::string::npos)
        << table;
    EXPECT_EQ(xsr({"diff", pv32, pv32}).status, 0);
    // Of a guest of another width only what both have is compared: no field stands where the other's does.
    const Ended other = xsr({"diff", pv32, pv_file_});
    EXPECT_EQ(other.status, 1) << other.out;
    EXPECT_NE(other.out.find("guest width  32 -> 64"), std::string::npos) << other.out;
    EXPECT_EQ(other.out.find("vCPU 0"), std::string::npos) << other.out;
}

TEST_F(XsrLook, InfoTellsWhatItCouldReadOfADamagedFile)
{
    const Ended outcome = xsr({"info", write("cut", pv_.substr(0, 0x6150))});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_NE(outcome.out.find("Xen 4.17"), std::string::npos) << outcome.out;
}

TEST_F(XsrLook, ShowListsEveryRecord)
{
    const Ended outcome = xsr({"show", "--json", pv_file_});
    EXPECT_EQ(outcome.status, 0);
    std::istringstream lines{outcome.out};
    std::vector<std::string> types;
    for (std::string line; std::getline(lines, line);) {
        types.push_back(parsed_json(line)["type"]);
    }
    EXPECT_EQ(types.size(), 14U);
    EXPECT_EQ(types.front(), "X86_PV_INFO");
    EXPECT_EQ(types.back(), "END");
}

TEST_F(XsrLook, ShowSelectsByTypeAndNumber)
{
    const Ended vcpus = xsr({"show", "--type", "vcpu", pv_file_});
    EXPECT_EQ(vcpus.status, 0);
    EXPECT_NE(vcpus.out.find("X86_PV_VCPU_MSRS"), std::string::npos);
    EXPECT_EQ(vcpus.out.find("PAGE_DATA"), std::string::npos);
    EXPECT_NE(xsr({"show", "--record", "0", pv_file_}).out.find("64-bit guest"), std::string::npos);
    const Ended wrong = xsr({"show", "--type", "gpu", pv_file_});
    EXPECT_EQ(wrong.status, 2);
    expect_sentence(wrong, "show");
}

TEST_F(XsrLook, ShowDecodesAPage)
{
    const Ended table = xsr({"show", "--pfn", "4", pv_file_});
    EXPECT_NE(table.out.find("L1TAB"), std::string::npos) << table.out;
    EXPECT_NE(table.out.find("[  1]       pfn 0x5               P RW US A D NX"), std::string::npos)
        << table.out;
    const Ended octets =
        xsr_reading(pv_file_, {"show", "--pfn", "0x5", "-"});  // spooled: a pipe cannot seek
    EXPECT_NE(octets.out.find("5a 5a 5a 5a"), std::string::npos) << octets.out;
}

TEST_F(XsrLook, ShowSaysThatThereIsNoSuchRecordOrPage)
{
    const Ended record = xsr({"show", "--record", "999", pv_file_});
    EXPECT_EQ(record.status, 2);
    EXPECT_NE(record.errors.find("there is no record 999; the last is 13"), std::string::npos)
        << record.errors;
    const Ended page = xsr({"show", "--pfn", "900", pv_file_});
    EXPECT_EQ(page.status, 2);
    EXPECT_EQ(page.out, "");
    EXPECT_NE(page.errors.find("no page with pfn 0x384; the highest is 0x"), std::string::npos)
        << page.errors;
}

TEST_F(XsrLook, NamesTheWordsThatAnOptionTakes)
{
    for (const std::string word : {"foo", "2"}) {
        const Ended outcome = xsr({"save", "--progress", word, "web", path("none")});
        EXPECT_EQ(outcome.status, 2);
        EXPECT_NE(outcome.errors.find("'" + word + "' is not auto, bar, json or none"),
                  std::string::npos)
            << outcome.errors;
    }
}

TEST_F(XsrLook, DiffFindsNothingInTheSameGuest)
{
    const std::string xl = write("xl", text_of(test::golden("xl_pv_file.hex")));
    const Ended outcome = xsr({"diff", pv_file_, xl});
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    EXPECT_EQ(outcome.out.rfind("equal", 0), 0U) << outcome.out;
    EXPECT_EQ(xsr_reading(pv_file_, {"diff", "-", xl}).status, 0);
}

TEST_F(XsrLook, DiffNamesThePageThatDiffers)
{
    const Ended outcome = xsr({"diff", "--ignore-restore", pv_file_, changed(l1_page + 100, 7)});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.out.find("1 page: 0x4"), std::string::npos) << outcome.out;
}

TEST_F(XsrLook, DiffKnowsWhatARestoreChanges)
{
    // A p2m leaf (pfn 0), start_info (pfn 5), an event channel mask, and VGCF_online.
    std::string other = pv_;
    other.at(first_contents) = 1;
    other.at(data_page) = 1;
    other.at(shared_info + 2560) = 1;
    other.at(vcpu_basic + 512) = static_cast<char>(other.at(vcpu_basic + 512) | 0x20);
    const std::string restored = write("restored", other);
    const Ended outcome = xsr({"diff", pv_file_, restored});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(xsr({"diff", "--ignore-restore", pv_file_, restored}).status, 0) << outcome.out;
    for (const char* named :
         {"p2m leaf pages", "start_info", "evtchn_mask[0]", "brings every vCPU online"}) {
        EXPECT_NE(outcome.out.find(named), std::string::npos) << named << " in " << outcome.out;
    }
    const json found = parsed_json(xsr({"diff", "--json", pv_file_, restored}).out);
    EXPECT_EQ(found["differences"], 0);
    EXPECT_EQ(found["expected-differences"], 4);
}

TEST_F(XsrLook, DiffNamesTheRegisterThatDiffers)
{
    const Ended outcome = xsr({"diff", "--ignore-restore", pv_file_, changed(vcpu_basic + 648, 7)});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.out.find("vCPU 0 BASIC"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("rip  0x0 -> 0x7"), std::string::npos) << outcome.out;
}

TEST_F(XsrLook, DiffAnswersTroubleWithTwo)
{
    const Ended outcome = xsr({"diff", pv_file_, path("none")});
    EXPECT_EQ(outcome.status, 2);
    expect_sentence(outcome, "diff");
    const Ended cut = xsr({"diff", "--json", pv_file_, write("cut", pv_.substr(0, 1000))});
    EXPECT_EQ(cut.status, 2);
    const json error = parsed_json(cut.errors);
    EXPECT_EQ(error["exit-code"], 2);
    EXPECT_EQ(error["class"], "io");
    EXPECT_EQ(error["record-type"], "PAGE_DATA");
    EXPECT_EQ(error["offset"], 0xa8);
}

TEST_F(XsrLook, MistakesOnTheCommandLineAreOneSentence)
{
    const std::vector<std::vector<std::string>> mistakes = {
        {"info"},
        {"show", "--pfn", "x", pv_file_},
        {"show", "--pfn", "1", "--type", "vcpu", pv_file_},
        {"show", "--pfn", "1", "--record", "1", pv_file_},
        {"verify", pv_file_, "more"},
        {"diff", "--no", "a", "b"}};
    for (const auto& arguments : mistakes) {
        SCOPED_TRACE(arguments[0]);
        const Ended outcome = xsr(arguments);
        EXPECT_EQ(outcome.status, 2);
        expect_sentence(outcome, arguments[0]);
    }
    EXPECT_EQ(xsr({"frobnicate"}).status, 2);
    EXPECT_EQ(xsr({}).status, 2);
}

TEST_F(XsrLook, FailuresAreJsonOnRequest)
{
    const Ended outcome = xsr({"show", "--json", path("none")});
    EXPECT_EQ(outcome.status, 3);
    const json error = parsed_json(outcome.errors);
    EXPECT_EQ(error["event"], "error");
    EXPECT_EQ(error["class"], "io");
    EXPECT_EQ(error["exit-code"], 3);
}

TEST_F(XsrLook, HelpOfEveryVerbGoesToStandardOutput)
{
    for (const char* verb : {"save", "restore", "info", "verify", "show", "diff"}) {
        SCOPED_TRACE(verb);
        const Ended outcome = xsr({verb, "--help"});
        EXPECT_EQ(outcome.status, 0);
        EXPECT_NE(outcome.out.find("Usage: xsr " + std::string{verb}), std::string::npos);
        std::istringstream lines{outcome.out};
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 84U) << line;
        }
    }
}

}  // namespace
}  // namespace sr
