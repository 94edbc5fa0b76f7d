// SPDX-License-Identifier: LGPL-2.1-or-later
// The tables of guest fields against the layouts that save and restore work with.
#include "libsr/mem/guest_abi.hpp"
#include "tools/xsr/guest_fields.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace sr {
namespace {

const GuestField& named(std::span<const GuestField> fields, const std::string& name)
{
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const GuestField& field) { return field.name == name; });
    EXPECT_NE(found, fields.end()) << name;
    return *found;
}

void expect_same(std::span<const GuestField> fields, const std::string& name, const Field& layout)
{
    SCOPED_TRACE(name);
    EXPECT_EQ(named(fields, name).offset, layout.offset);
    EXPECT_EQ(named(fields, name).size, layout.width_octets);
}

/// No two fields share an octet, and none passes the end.
void expect_disjoint(std::span<const GuestField> fields, std::size_t length)
{
    std::map<std::size_t, std::string> taken;
    for (const GuestField& field : fields) {
        for (unsigned index = 0; index < field.count; ++index) {
            for (std::size_t i = 0; i < field.size; ++i) {
                const std::size_t at = field.offset + std::size_t{index} * field.stride + i;
                EXPECT_LT(at, length) << field.name;
                EXPECT_TRUE(taken.emplace(at, field.name).second)
                    << field.name << " and " << taken[at];
            }
        }
    }
}

class GuestFields : public testing::TestWithParam<GuestWidth> {};

TEST_P(GuestFields, OfAVcpuAgreeWithTheLayout)
{
    const VcpuContextLayout& layout = guest_abi(GetParam()).vcpu;
    const auto fields = vcpu_basic_fields(GetParam());
    const bool is_64 = GetParam() == GuestWidth::bits64;
    expect_same(fields, "flags", layout.flags);
    expect_same(fields, is_64 ? "r15" : "ebx", layout.user_regs);
    expect_same(fields, is_64 ? "rax" : "eax", layout.ax);
    expect_same(fields, is_64 ? "rdx" : "edx", layout.dx);
    expect_same(fields, is_64 ? "rip" : "eip", layout.ip);
    expect_same(fields, is_64 ? "rsp" : "esp", layout.sp);
    expect_same(fields, "gdt_frame[]", layout.gdt_frames);
    expect_same(fields, "gdt_ents", layout.gdt_ents);
    expect_same(fields, "cr0", layout.ctrlreg);
    expect_same(fields, "cr3", element(layout.ctrlreg, 3));
    expect_disjoint(fields, layout.length_octets);
}

TEST_P(GuestFields, OfSharedInfoAgreeWithTheLayout)
{
    const SharedInfoLayout& layout = guest_abi(GetParam()).shared_info;
    const auto fields = shared_info_fields(GetParam());
    expect_same(fields, "vcpu_info[].evtchn_pending_sel", layout.evtchn_pending_sel);
    EXPECT_EQ(named(fields, "evtchn_pending[]").offset, layout.evtchn_pending.offset);
    EXPECT_EQ(named(fields, "evtchn_mask[]").offset, layout.evtchn_mask.offset);
    EXPECT_EQ(named(fields, "wc_version").offset, layout.wallclock.offset);
    expect_same(fields, "arch.max_pfn", layout.max_pfn);
    expect_same(fields, "arch.pfn_to_mfn_frame_list_list", layout.pfn_to_mfn_frame_list_list);
    expect_same(fields, "arch.p2m_cr3", layout.p2m_cr3);
    expect_same(fields, "arch.p2m_vaddr", layout.p2m_vaddr);
    expect_same(fields, "arch.p2m_generation", layout.p2m_generation);
    expect_disjoint(fields, layout.length_octets);
}

TEST_P(GuestFields, OfStartInfoAgreeWithTheLayout)
{
    const StartInfoLayout& layout = guest_abi(GetParam()).start_info;
    const auto fields = start_info_fields(GetParam());
    expect_same(fields, "nr_pages", layout.nr_pages);
    expect_same(fields, "shared_info", layout.shared_info);
    expect_same(fields, "store_mfn", layout.store_mfn);
    expect_same(fields, "store_evtchn", layout.store_evtchn);
    expect_same(fields, "console.mfn", layout.console_mfn);
    expect_same(fields, "console.evtchn", layout.console_evtchn);
    expect_disjoint(fields, layout.length_octets);
}

INSTANTIATE_TEST_SUITE_P(BothWidths, GuestFields,
                         testing::Values(GuestWidth::bits64, GuestWidth::bits32));

TEST(GuestField, IsReadInItsRow)
{
    const std::array octets = {std::byte{1}, std::byte{0}, std::byte{2}, std::byte{3}};
    const GuestField row{"words[]", 0, 2, 3, 2};
    EXPECT_EQ(value_of(row, 0, octets), 1U);
    EXPECT_EQ(value_of(row, 1, octets), 0x302U);
    EXPECT_EQ(value_of(row, 2, octets), 0U);  // past the end
    EXPECT_EQ(name_of(row, 1), "words[1]");
}

TEST(VcpuFlags, HaveNames)
{
    EXPECT_EQ(vcpu_flag_names(0x25), "i387_valid in_kernel online");
    EXPECT_EQ(vcpu_flag_names(0x40), "0x40");
}

}  // namespace
}  // namespace sr
