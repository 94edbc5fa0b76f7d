// SPDX-License-Identifier: LGPL-2.1-or-later
// libxl's JSON configuration: what is taken from it, what is refused, and back again.
#include "tests/support/error_of.hpp"
#include "tools/toolstack/domain_config.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using test::error_of;
using test::message_of;

constexpr const char* usual = R"({
    "c_info": {"type": "pv", "name": "web", "uuid": "97e826b4-e4b3-11f1-bb19-9baf8489dd9c"},
    "b_info": {"max_vcpus": 4, "avail_vcpus": [0, 2], "max_memkb": 65536, "target_memkb": 32768,
               "sched_params": {"weight": 256}, "arch_x86": {"msr_relaxed": "True"}}
})";

std::string with_build(const std::string& members)
{
    return R"({"c_info": {"name": "web"}, "b_info": {)" + members + "}}";
}

TEST(DomainConfig, TakesWhatADomainNeeds)
{
    const DomainConfig config = parse_domain_config(usual);
    EXPECT_EQ(config.type, GuestKind::pv);
    EXPECT_EQ(config.name, "web");
    EXPECT_EQ(to_string(config.uuid), "97e826b4-e4b3-11f1-bb19-9baf8489dd9c");
    EXPECT_EQ(config.max_memory_kib, 65536U);
    EXPECT_EQ(config.target_memory_kib, 32768U);
    EXPECT_EQ(config.max_vcpus, 4U);
    EXPECT_EQ(config.vcpu_online, (std::vector{true, false, true, false}));
    EXPECT_TRUE(config.msr_relaxed);
    EXPECT_FALSE(config.max_grant_version);
}

TEST(DomainConfig, AcceptsTheNulThatXlWrites)
{
    const std::string text = std::string{usual} + '\0';
    EXPECT_EQ(parse_domain_config(text).name, "web");
}

TEST(DomainConfig, FillsInWhatLibxlLeavesOut)
{
    const DomainConfig config = parse_domain_config(with_build(R"("target_memkb": 4096)"));
    EXPECT_EQ(config.max_memory_kib, 4096U);
    EXPECT_EQ(config.max_vcpus, 1U);
    EXPECT_EQ(config.vcpu_online, std::vector{true});
    EXPECT_NE(config.uuid, Uuid{});
}

TEST(DomainConfig, GoesThroughItsTextUnchanged)
{
    const DomainConfig before = parse_domain_config(usual);
    const DomainConfig after = parse_domain_config(to_json_text(before));
    EXPECT_EQ(after.name, before.name);
    EXPECT_EQ(after.uuid, before.uuid);
    EXPECT_EQ(after.max_memory_kib, before.max_memory_kib);
    EXPECT_EQ(after.target_memory_kib, before.target_memory_kib);
    EXPECT_EQ(after.vcpu_online, before.vcpu_online);
    EXPECT_EQ(after.msr_relaxed, before.msr_relaxed);
}

TEST(DomainConfig, KeepsWhatOnlyLibxlKnows)
{
    const std::string libxl = R"({"c_info": {"name": "old", "type": "pv"},
        "b_info": {"max_memkb": 1, "kernel": "/boot/vmlinuz"}, "disks": [{"vdev": "xvda"}]})";
    const std::string text = updated_json_text(libxl, parse_domain_config(usual));
    EXPECT_NE(text.find("xvda"), std::string::npos);
    EXPECT_NE(text.find("/boot/vmlinuz"), std::string::npos);
    EXPECT_EQ(parse_domain_config(text).name, "web");
    EXPECT_EQ(parse_domain_config(text).max_memory_kib, 65536U);
    EXPECT_EQ(error_of([] { (void)updated_json_text("{}", DomainConfig{}); }), Errc::malformed);
}

TEST(DomainConfig, TakesLimitsOfGrants)
{
    const std::string limits =
        R"("max_memkb": 4096, "max_grant_version": 1, "max_grant_frames": 128)";
    const DomainConfig config = parse_domain_config(with_build(limits));
    EXPECT_EQ(config.max_grant_version, 1U);
    EXPECT_EQ(config.max_grant_frames, 128U);
    const DomainConfig again = parse_domain_config(to_json_text(config));
    EXPECT_EQ(again.max_grant_version, 1U);
    EXPECT_EQ(again.max_grant_frames, 128U);
    // libxl knows best what it made, and has no name for "the host's default".
    EXPECT_NE(updated_json_text(with_build(limits), parse_domain_config(usual)).find("128"),
              std::string::npos);
    EXPECT_EQ(to_json_text(parse_domain_config(usual)).find("max_grant"), std::string::npos);
}

TEST(DomainConfig, TakesLibxlsDefaultOfGrantsForNone)
{
    for (const char* value : {"-1", "4294967295", "null"}) {
        SCOPED_TRACE(value);
        const DomainConfig config = parse_domain_config(
            with_build(R"("max_memkb": 4096, "max_grant_version": )" + std::string{value} +
                       R"(, "max_grant_frames": )" + value));
        EXPECT_FALSE(config.max_grant_version);
        EXPECT_FALSE(config.max_grant_frames);
    }
}

TEST(DomainConfig, RefusesWhatMakesNoDomain)
{
    const std::string refused[] = {
        "",
        "not JSON",
        "[]",
        R"({"c_info": {"name": "web"}})",
        R"({"c_info": {}, "b_info": {"max_memkb": 4096}})",
        R"({"c_info": {"name": 7}, "b_info": {"max_memkb": 4096}})",
        R"({"c_info": {"name": "web", "type": "vax"}, "b_info": {"max_memkb": 4096}})",
        R"({"c_info": {"name": "web", "uuid": "97e8"}, "b_info": {"max_memkb": 4096}})",
        with_build(""),
        with_build(R"("max_memkb": -1)"),
        with_build(R"("max_memkb": 18446744073709551615)"),
        with_build(R"("max_memkb": "much")"),
        with_build(R"("max_memkb": 4096, "max_vcpus": 0)"),
        with_build(R"("max_memkb": 4096, "max_vcpus": 8193)"),
        with_build(R"("max_memkb": 4096, "max_vcpus": 2, "avail_vcpus": [2])"),
        with_build(R"("max_memkb": 4096, "max_vcpus": 2, "avail_vcpus": ["x"])"),
        with_build(R"("max_memkb": 4096, "max_grant_version": 16)"),
        with_build(R"("max_memkb": 4096, "max_grant_version": -2)"),
        with_build(R"("max_memkb": 4096, "max_grant_frames": 2147483648)"),
    };
    for (const std::string& text : refused) {
        SCOPED_TRACE(text);
        EXPECT_EQ(error_of([&] { (void)parse_domain_config(text); }), Errc::malformed);
    }
}

TEST(DomainConfig, SaysWhichMemberIsWrong)
{
    const std::string text = with_build(R"("max_memkb": 4096, "avail_vcpus": [1])");
    EXPECT_EQ(message_of([&] { (void)parse_domain_config(text); }),
              "domain configuration: avail_vcpus names a vCPU that does not exist");
}

TEST(Uuid, IsParsedStrictly)
{
    EXPECT_TRUE(parse_uuid("97E826B4-e4b3-11f1-bb19-9baf8489dd9c"));
    EXPECT_FALSE(parse_uuid(""));
    EXPECT_FALSE(parse_uuid("97e826b4-e4b3-11f1-bb19-9baf8489dd9"));
    EXPECT_FALSE(parse_uuid("97e826b4-e4b3-11f1-bb19-9baf8489dd9cc"));
    EXPECT_FALSE(parse_uuid("97e826b4xe4b3-11f1-bb19-9baf8489dd9c"));
    EXPECT_FALSE(parse_uuid("97e826b4-e4b3-11f1-bb19-9baf8489ddgg"));
}

TEST(Uuid, IsRandomOfVersionFour)
{
    const std::string text = to_string(random_uuid());
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(text, to_string(random_uuid()));
}

}  // namespace
}  // namespace sr
