// SPDX-License-Identifier: LGPL-2.1-or-later
// The layouts that libsr/mem and libsr/wire write down are those of Xen's headers.
#include "libsr/base/bytes.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/records.hpp"
#include "libsr/xen/libraries.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <vector>

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

TEST(XenLayout, GrantEntries)
{
    EXPECT_EQ(grants_per_frame(GrantVersion::v1), page_size / sizeof(grant_entry_v1_t));
    EXPECT_EQ(grants_per_frame(GrantVersion::v2), page_size / sizeof(grant_entry_v2_t));
    EXPECT_EQ(grant_statuses_per_frame, page_size / sizeof(grant_status_t));
    EXPECT_EQ(grant_flag::kind_mask, GTF_type_mask);
    EXPECT_EQ(static_cast<unsigned>(GrantKind::invalid), GTF_invalid);
    EXPECT_EQ(static_cast<unsigned>(GrantKind::permit_access), GTF_permit_access);
    EXPECT_EQ(static_cast<unsigned>(GrantKind::accept_transfer), GTF_accept_transfer);
    EXPECT_EQ(static_cast<unsigned>(GrantKind::transitive), GTF_transitive);
    EXPECT_EQ(grant_flag::read_only, GTF_readonly);
    EXPECT_EQ(grant_flag::reading, GTF_reading);
    EXPECT_EQ(grant_flag::writing, GTF_writing);
    EXPECT_EQ(grant_flag::sub_page, GTF_sub_page);
    EXPECT_EQ(grant_flag::transfer_committed, GTF_transfer_committed);
    EXPECT_EQ(grant_flag::transfer_completed, GTF_transfer_completed);
}

/// One entry of Xen's, decoded as the first of a frame.
template <typename Entry>
GrantEntry first_grant(GrantVersion version, const Entry& entry)
{
    Octets frame(page_size);
    store(frame, 0, entry);
    std::vector<GrantEntry> entries;
    decode_grant_frame(version, std::span{frame}.first<page_size>(), {}, 0, entries);
    return entries.at(0);
}

TEST(XenLayout, GrantEntriesAreDecodedAsXenLaysThemOut)
{
    const GrantEntry v1 = first_grant(
        GrantVersion::v1, grant_entry_v1_t{.flags = 1, .domid = 0x1234, .frame = 0x1234'5678});
    EXPECT_EQ(v1.domid, 0x1234U);
    EXPECT_EQ(v1.frame, Gfn{0x1234'5678});
    grant_entry_v2_t xens{};
    xens.sub_page.hdr = {.flags = GTF_permit_access | GTF_sub_page, .domid = 7};
    xens.sub_page.page_off = 0x123;
    xens.sub_page.length = 0x456;
    xens.sub_page.frame = 0x1234'5678'9abc;
    const GrantEntry part = first_grant(GrantVersion::v2, xens);
    EXPECT_EQ(part.domid, 7U);
    EXPECT_EQ(part.sub_page, (GrantEntry::SubPage{0x123, 0x456}));
    EXPECT_EQ(part.frame, Gfn{0x1234'5678'9abc});
    xens.full_page.hdr.flags = GTF_permit_access;
    EXPECT_EQ(first_grant(GrantVersion::v2, xens).frame, Gfn{xens.full_page.frame});
    xens.transitive.hdr.flags = GTF_transitive;
    xens.transitive.trans_domid = 0x321;
    xens.transitive.gref = 0xabcd'ef01;
    EXPECT_EQ(first_grant(GrantVersion::v2, xens).source, (GrantEntry::Source{0x321, 0xabcd'ef01}));
}

}  // namespace
}  // namespace sr::test
