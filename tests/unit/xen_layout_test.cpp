// SPDX-License-Identifier: LGPL-2.1-or-later
// The layouts that libsr/mem and libsr/wire write down are those of Xen's headers.
#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/records.hpp"
#include "libsr/xen/libraries.hpp"

#include <gtest/gtest.h>

#include <cstddef>

namespace sr::test {
namespace {

// Our Field against a member of a struct of Xen's: offset and width.
#define SR_EXPECT_FIELD(field, type, member)                                                       \
    EXPECT_EQ((field).offset, offsetof(type, member));                                             \
    EXPECT_EQ((field).width_octets, sizeof(type{}.member))
#define SR_EXPECT_FIRST(field, type, member)                                                       \
    EXPECT_EQ((field).offset, offsetof(type, member));                                             \
    EXPECT_EQ((field).width_octets, sizeof(type{}.member[0]))

TEST(XenLayout, VcpuContext64)
{
    const VcpuContextLayout& ours = guest_abi(GuestWidth::bits64).vcpu;
    EXPECT_EQ(ours.length_octets, sizeof(vcpu_guest_context_t));
    SR_EXPECT_FIELD(ours.flags, vcpu_guest_context_t, flags);
    SR_EXPECT_FIELD(ours.ax, vcpu_guest_context_t, user_regs.rax);
    SR_EXPECT_FIELD(ours.dx, vcpu_guest_context_t, user_regs.rdx);
    SR_EXPECT_FIELD(ours.ip, vcpu_guest_context_t, user_regs.rip);
    SR_EXPECT_FIELD(ours.sp, vcpu_guest_context_t, user_regs.rsp);
    SR_EXPECT_FIRST(ours.gdt_frames, vcpu_guest_context_t, gdt_frames);
    SR_EXPECT_FIELD(ours.gdt_ents, vcpu_guest_context_t, gdt_ents);
    SR_EXPECT_FIRST(ours.ctrlreg, vcpu_guest_context_t, ctrlreg);
    EXPECT_EQ(vgcf_online, std::uint64_t{VGCF_online});
}

TEST(XenLayout, VcpuContext32)
{
    const VcpuContextLayout& ours = guest_abi(GuestWidth::bits32).vcpu;
    EXPECT_EQ(ours.length_octets, sizeof(vcpu_guest_context_x86_32_t));
    SR_EXPECT_FIELD(ours.flags, vcpu_guest_context_x86_32_t, flags);
    SR_EXPECT_FIELD(ours.ax, vcpu_guest_context_x86_32_t, user_regs.eax);
    SR_EXPECT_FIELD(ours.dx, vcpu_guest_context_x86_32_t, user_regs.edx);
    SR_EXPECT_FIELD(ours.ip, vcpu_guest_context_x86_32_t, user_regs.eip);
    SR_EXPECT_FIELD(ours.sp, vcpu_guest_context_x86_32_t, user_regs.esp);
    SR_EXPECT_FIRST(ours.gdt_frames, vcpu_guest_context_x86_32_t, gdt_frames);
    SR_EXPECT_FIELD(ours.gdt_ents, vcpu_guest_context_x86_32_t, gdt_ents);
    SR_EXPECT_FIRST(ours.ctrlreg, vcpu_guest_context_x86_32_t, ctrlreg);
}

template <typename SharedInfo>
void expect_shared_info(const SharedInfoLayout& ours)
{
    EXPECT_EQ(ours.length_octets, sizeof(SharedInfo));
    EXPECT_EQ(ours.vcpu_info.offset, offsetof(SharedInfo, vcpu_info));
    EXPECT_EQ(ours.vcpu_info.length_octets, sizeof(SharedInfo{}.vcpu_info));
    EXPECT_EQ(ours.vcpu_info_stride, sizeof(SharedInfo{}.vcpu_info[0]));
    EXPECT_EQ(ours.evtchn_pending_sel.offset,
              offsetof(SharedInfo, vcpu_info[0].evtchn_pending_sel));
    EXPECT_EQ(ours.evtchn_pending.offset, offsetof(SharedInfo, evtchn_pending));
    EXPECT_EQ(ours.evtchn_pending.length_octets, sizeof(SharedInfo{}.evtchn_pending));
    EXPECT_EQ(ours.evtchn_mask.offset, offsetof(SharedInfo, evtchn_mask));
    EXPECT_EQ(ours.wallclock.offset, offsetof(SharedInfo, wc_version));
    EXPECT_EQ(ours.arch.offset, offsetof(SharedInfo, arch));
    SR_EXPECT_FIELD(ours.max_pfn, SharedInfo, arch.max_pfn);
    SR_EXPECT_FIELD(ours.pfn_to_mfn_frame_list_list, SharedInfo, arch.pfn_to_mfn_frame_list_list);
    SR_EXPECT_FIELD(ours.nmi_reason, SharedInfo, arch.nmi_reason);
    SR_EXPECT_FIELD(ours.p2m_cr3, SharedInfo, arch.p2m_cr3);
    SR_EXPECT_FIELD(ours.p2m_vaddr, SharedInfo, arch.p2m_vaddr);
    SR_EXPECT_FIELD(ours.p2m_generation, SharedInfo, arch.p2m_generation);
}

TEST(XenLayout, SharedInfo)
{
    expect_shared_info<shared_info_t>(guest_abi(GuestWidth::bits64).shared_info);
    expect_shared_info<shared_info_x86_32_t>(guest_abi(GuestWidth::bits32).shared_info);
}

template <typename StartInfo>
void expect_start_info(const StartInfoLayout& ours)
{
    SR_EXPECT_FIELD(ours.nr_pages, StartInfo, nr_pages);
    SR_EXPECT_FIELD(ours.shared_info, StartInfo, shared_info);
    SR_EXPECT_FIELD(ours.flags, StartInfo, flags);
    SR_EXPECT_FIELD(ours.store_mfn, StartInfo, store_mfn);
    SR_EXPECT_FIELD(ours.store_evtchn, StartInfo, store_evtchn);
    SR_EXPECT_FIELD(ours.console_mfn, StartInfo, console.domU.mfn);
    SR_EXPECT_FIELD(ours.console_evtchn, StartInfo, console.domU.evtchn);
}

TEST(XenLayout, StartInfo)
{
    expect_start_info<start_info_t>(guest_abi(GuestWidth::bits64).start_info);
    expect_start_info<start_info_x86_32_t>(guest_abi(GuestWidth::bits32).start_info);
}

TEST(XenLayout, RecordsThatAreArraysOfXensStructs)
{
    EXPECT_EQ(sizeof(CpuidLeafLayout), sizeof(xen_cpuid_leaf_t));
    EXPECT_EQ(sizeof(MsrEntryLayout), sizeof(xen_msr_entry_t));
    EXPECT_EQ(sizeof(VcpuMsrLayout), sizeof(xen_domctl_vcpu_msr_t));
}

}  // namespace
}  // namespace sr::test
