// SPDX-License-Identifier: LGPL-2.1-or-later
// verify on streams of real Xen hosts, from the directory that SR_STREAMS names.
#include "libsr/base/fd_io.hpp"
#include "libsr/verify/verify.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace sr {
namespace {

/// verify of SR_STREAMS/<name>.xl.xz through a pipe from xz; none where the file is not there.
std::optional<VerifyReport> verify_real(const std::string& name)
{
    const char* directory = std::getenv("SR_STREAMS");
    if (directory == nullptr) {
        return std::nullopt;
    }
    const auto file = std::filesystem::path{directory} / (name + ".xl.xz");
    if (!std::filesystem::exists(file)) {
        return std::nullopt;
    }
    struct Close {
        void operator()(std::FILE* pipe) const { (void)::pclose(pipe); }
    };
    const std::unique_ptr<std::FILE, Close> pipe{
        ::popen(("xz -dc '" + file.string() + "'").c_str(), "r")};
    FdSource source{::fileno(pipe.get())};
    return verify_stream(source);
}

struct RealStream {
    const char* name;
    DomainType domain;
    std::uint64_t pages;
    std::uint64_t repeats;
    std::vector<std::string> deviations;
};

class VerifyReal : public testing::TestWithParam<RealStream> {};

TEST_P(VerifyReal, HasNoErrors)
{
    const RealStream& expected = GetParam();
    const auto report = verify_real(expected.name);
    if (!report) {
        GTEST_SKIP() << "SR_STREAMS names no directory with " << expected.name << ".xl.xz";
    }
    std::vector<std::string> deviations;
    for (const Finding& finding : report->findings) {
        EXPECT_EQ(finding.severity, Severity::deviation) << finding.sentence;
        deviations.push_back(finding.sentence);
    }
    EXPECT_EQ(deviations, expected.deviations);
    EXPECT_EQ(report->nr_errors, 0U);
    EXPECT_TRUE(report->summary.complete);
    EXPECT_TRUE(report->checked_all);
    EXPECT_EQ(report->summary.container, ContainerKind::xl);
    EXPECT_EQ(report->summary.domain->type, expected.domain);
    EXPECT_EQ(report->summary.pages.entries - report->summary.pages.repeats, expected.pages);
    EXPECT_EQ(report->summary.pages.repeats, expected.repeats);
    EXPECT_EQ(report->summary.xl->config.front(), '{');
}

INSTANTIATE_TEST_SUITE_P(
    Streams, VerifyReal,
    testing::Values(RealStream{"pv24", DomainType::x86_pv, 6144, 0, {}},
                    RealStream{"pvpt48", DomainType::x86_pv, 12288, 0, {}},
                    RealStream{
                        "pv24-live", DomainType::x86_pv, 6144, 1046, {"44 octets after the end"}},
                    RealStream{"pvh24",
                               DomainType::x86_hvm,
                               1044480,
                               0,
                               {"HVM_PARAMS: comes after HVM_CONTEXT, which it must precede"}}),
    [](const auto& stream) {
        std::string name = stream.param.name;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

}  // namespace
}  // namespace sr
