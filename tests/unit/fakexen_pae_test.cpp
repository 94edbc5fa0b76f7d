// SPDX-License-Identifier: LGPL-2.1-or-later
// 32-bit PAE guests on fakexen, with the rules of Xen 4.17: xen/arch/x86/mm.c (promote_l3_table, mod_l2_entry,
// mod_l3_entry), pv/mm.h (adjust_guest_l3e), domain.c (arch_set_info_guest), pv/descriptor-tables.c.
#include "tests/fakexen/host/descriptors.hpp"
#include "tests/fakexen/host/page_walk.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"
#include "tests/fakexen/host/vcpu_context_32.hpp"
#include "tests/unit/fakexen_support.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fakexen {
namespace {

constexpr std::uint64_t read_only = pte::present | pte::user;
constexpr std::uint64_t writable = read_only | pte::writable;

class PaeTest : public HypervisorTest {
protected:
    PaeTest() { domain.is_32bit = true; }

    /// L3 with an L2 in slots 0 and 3; that of slot 0 → L1 → content, each by slot 5.
    struct PaeTree {
        Mfn l3, l2, xen_l2, l1, content;
    };
    PaeTree pae_tree()
    {
        const PaeTree made{page(), page(), page(), page(), page()};
        set(made.l3, 0, made.l2, pte::present);
        set(made.l3, 3, made.xen_l2, pte::present);
        set(made.l2, 5, made.l1);
        set(made.l1, 5, made.content, writable);
        return made;
    }
    int pin(Mfn l3) { return xen.types.pin(l3, FrameType::l3_table, domain); }
    int update(Mfn table, unsigned slot, std::uint64_t entry)
    {
        return xen.types.update_entry(table, slot, entry, KeepBits::none, domain, domain);
    }
};

TEST_F(PaeTest, PinValidatesTheWholeTree)
{
    const PaeTree t = pae_tree();
    ASSERT_EQ(pin(t.l3), 0);
    const std::pair<Mfn, FrameType> expected[] = {{t.l3, FrameType::l3_table},
                                                  {t.l2, FrameType::l2_table},
                                                  {t.xen_l2, FrameType::xen_l2_table},
                                                  {t.l1, FrameType::l1_table},
                                                  {t.content, FrameType::writable}};
    for (const auto& [mfn, type] : expected) {
        SCOPED_TRACE(to_string(type));
        EXPECT_EQ(frame(mfn).type, type);
        EXPECT_TRUE(frame(mfn).validated);
        EXPECT_EQ(frame(mfn).type_count, 1U);
        EXPECT_EQ(frame(mfn).references, 2U);
    }
    ASSERT_EQ(xen.types.unpin(t.l3, domain), 0);
    for (const Mfn mfn : {t.l3, t.l2, t.xen_l2, t.l1, t.content}) {
        EXPECT_EQ(frame(mfn).type_count, 0U);
        EXPECT_EQ(frame(mfn).references, 1U);
    }
    EXPECT_EQ(frame(t.xen_l2).type, FrameType::l2_table) << "the flag is gone with the last use";
}

TEST_F(PaeTest, OnlyFourL3EntriesCount)
{
    const PaeTree t = pae_tree();
    xen.machine.entries(t.l3)[4] = ~std::uint64_t{0};
    xen.machine.entries(t.l3)[511] = pte::make(t.content, read_only);
    ASSERT_EQ(pin(t.l3), 0);
    EXPECT_EQ(xen.machine.entries(t.l3)[4], 0U);
    EXPECT_EQ(xen.machine.entries(t.l3)[511], 0U);
}

TEST_F(PaeTest, L3EntriesGainBitsWhileInUse)
{
    const PaeTree t = pae_tree();
    ASSERT_EQ(pin(t.l3), 0);
    const auto flags = [&](Mfn table, unsigned slot) {
        return xen.machine.entries(table)[slot] & pte::flags_mask;
    };
    EXPECT_EQ(flags(t.l3, 0), pte::present | pte::user | pte::writable);
    EXPECT_EQ(flags(t.l3, 3), pte::present | pte::user | pte::writable);
    EXPECT_EQ(flags(t.l2, 5), read_only) << "other levels stay as the guest has them";
    xen.machine.entries(t.l3)[0] |= pte::accessed;
    ASSERT_EQ(xen.types.unpin(t.l3, domain), 0);
    EXPECT_EQ(flags(t.l3, 0), pte::present);
    EXPECT_EQ(flags(t.l3, 3), pte::present);
}

TEST_F(PaeTest, KernelPagesOfA32BitGuestStayKernelPages)
{
    const PaeTree t = pae_tree();
    set(t.l1, 6, page(), pte::present);
    ASSERT_EQ(pin(t.l3), 0);
    EXPECT_EQ(xen.machine.entries(t.l1)[6] & pte::flags_mask, pte::present);
}

TEST_F(PaeTest, Slot3MustBeThereAndBelongToOneL3)
{
    const PaeTree t = pae_tree();
    PaeTree second = pae_tree();
    xen.machine.entries(second.l3)[3] = 0;
    EXPECT_EQ(pin(second.l3), -EINVAL);
    ASSERT_EQ(pin(t.l3), 0);
    set(second.l3, 3, t.xen_l2, pte::present);
    EXPECT_EQ(pin(second.l3), -EINVAL) << "shared";
    EXPECT_EQ(frame(t.xen_l2).type_count, 1U);
    EXPECT_EQ(frame(second.l2).references, 1U);
    set(second.l3, 3, second.xen_l2, pte::present);
    set(second.l3, 2, t.xen_l2, pte::present);
    EXPECT_EQ(pin(second.l3), -EINVAL) << "in another slot";
    set(second.l3, 2, second.l2, pte::present);
    EXPECT_EQ(pin(second.l3), 0) << "an ordinary L2 may be in several";
    EXPECT_EQ(xen.types.pin(t.xen_l2, FrameType::l2_table, domain), -EINVAL);
}

TEST_F(PaeTest, L3FlagsOfARealPaeCpu)
{
    const std::uint64_t refused[] = {pte::write_through, pte::cache_disable, pte::large,
                                     pte::global,        pte::no_execute,    pte::guest_kernel,
                                     pte::available_high};
    for (const std::uint64_t flag : refused) {
        SCOPED_TRACE(flag);
        for (const unsigned slot : {0U, 3U}) {
            const PaeTree t = pae_tree();
            xen.machine.entries(t.l3)[slot] |= flag;
            EXPECT_EQ(pin(t.l3), -EINVAL);
        }
    }
    const PaeTree t = pae_tree();
    xen.machine.entries(t.l3)[0] |= pte::available | pte::accessed | pte::dirty;
    EXPECT_EQ(pin(t.l3), 0);
}

TEST_F(PaeTest, XenWritesTheCompatM2pIntoTheL2OfSlot3)
{
    const PaeTree t = pae_tree();
    xen.machine.entries(t.xen_l2)[xen_l2_slot_first] = 0xdead'0000'0000'0fff;  // not looked at
    xen.machine.entries(t.xen_l2)[511] = 0xdead'0000'0000'0fff;
    set(t.l2, 500, page());
    ASSERT_EQ(pin(t.l3), 0);
    const auto entries = xen.machine.entries(t.xen_l2);
    EXPECT_EQ(pte::frame_of(entries[428]).number(), xen.machine.compat_m2p_first_mfn());
    EXPECT_EQ(entries[428] & pte::flags_mask, pte::present | pte::large);
    EXPECT_EQ(entries[511], 0U);
    EXPECT_EQ(update(t.xen_l2, 428, 0), -EPERM);
    EXPECT_EQ(update(t.xen_l2, 427, pte::make(t.l1, read_only)), 0);
    EXPECT_EQ(update(t.l2, 428, 0), 0) << "an ordinary L2 has no such slots";
}

TEST_F(PaeTest, Slot3OfAnL3InUseIsNotReplaced)
{
    const PaeTree t = pae_tree();
    ASSERT_EQ(pin(t.l3), 0);
    EXPECT_EQ(update(t.l3, 3, pte::make(page(), pte::present)), -EINVAL);
    EXPECT_EQ(update(t.l3, 4, 0), -EINVAL);
    const Mfn l2 = page();
    EXPECT_EQ(update(t.l3, 1, pte::make(l2, pte::present)), 0);
    EXPECT_EQ(frame(l2).type, FrameType::l2_table);
    EXPECT_EQ(update(t.l3, 1, pte::make(l2, read_only | pte::no_execute)), -EINVAL);
    EXPECT_EQ(update(t.l3, 1, 0), 0);
    EXPECT_EQ(frame(l2).references, 1U);
}

TEST_F(PaeTest, BothM2psSayTheSame)
{
    const Mfn mfn = page();
    EXPECT_EQ(xen.machine.compat_m2p(mfn), xen.machine.m2p(mfn));
    ASSERT_EQ(xen.remove_page(domain, mfn), 0);
    EXPECT_EQ(xen.machine.compat_m2p(mfn), ~0U);
    EXPECT_TRUE(xen.machine.is_m2p(Mfn{xen.machine.compat_m2p_first_mfn()}));
    EXPECT_FALSE(xen.machine.is_m2p(
        Mfn{xen.machine.compat_m2p_first_mfn() + xen.machine.compat_m2p_nr_frames()}));
}

TEST_F(PaeTest, WalksThreeLevels)
{
    const PaeTree t = pae_tree();
    const std::uint64_t address = 5U << 21 | 5U << 12;
    EXPECT_EQ(find_frame(xen.machine, t.l3, address, Levels::pae), t.content);
    EXPECT_EQ(find_frame(xen.machine, t.l3, address | std::uint64_t{1} << 32, Levels::pae),
              std::nullopt);
    EXPECT_EQ(find_frame(xen.machine, t.l3, address | 1U << 30, Levels::pae), std::nullopt);
}

TEST_F(PaeTest, ContextsHaveTheirOwnTopAndRing)
{
    const PaeTree t = pae_tree();
    vcpu_guest_context_t context = {};
    context.ctrlreg[3] = t.l3.number() << 12;
    context.ctrlreg[1] = 0x5000;  // no user table: not looked at
    context.user_regs.cs = 0xe018;
    context.user_regs.ss = 0xe021;
    context.kernel_ss = 0xe023;
    context.trap_ctxt[14].cs = 0xe018;
    context.syscall_callback_eip = 0x0000'0060'0000'0060;
    context.ldt_base = 0xf580'0000;
    Vcpu& vcpu = *domain.vcpu(0);
    context.vm_assist = std::uint64_t{1} << VMASST_TYPE_m2p_strict;
    EXPECT_EQ(set_context(xen, vcpu, context), -EINVAL) << "of 64-bit guests only";
    context.vm_assist = std::uint64_t{1} << VMASST_TYPE_pae_extended_cr3;
    ASSERT_EQ(set_context(xen, vcpu, context), 0);
    EXPECT_EQ(frame(t.l3).type, FrameType::l3_table);
    const vcpu_guest_context_t got = get_context(vcpu);
    EXPECT_EQ(got.user_regs.cs, 0xe019);
    EXPECT_EQ(got.user_regs.ss, 0xe021);
    EXPECT_EQ(got.kernel_ss, 0xe023U);
    EXPECT_EQ(got.trap_ctxt[14].cs, 0xe019);
    EXPECT_EQ(got.syscall_callback_eip, 0x0000'0061'0000'0061U);
    EXPECT_NE(got.flags & VGCF_in_kernel, 0U) << "by the ring of cs alone";
    context.user_regs.cs = 0x73;
    ASSERT_EQ(set_context(xen, vcpu, context), 0);
    EXPECT_EQ(get_context(vcpu).flags & VGCF_in_kernel, 0U);
}

TEST(PaeContext, SurvivesBothLayouts)
{
    Context32 narrow = {};
    auto octets = std::as_writable_bytes(std::span{&narrow, 1});
    for (std::size_t i = 0; i < octets.size(); ++i) {
        octets[i] = static_cast<std::byte>(i * 7 + 1);
    }
    for (auto& trap : narrow.trap_ctxt) {
        trap.vector = 3;
    }
    auto& regs = narrow.user_regs;
    regs._pad0 = 0;
    regs._pad1 = regs._pad2 = regs._pad3 = regs._pad4 = regs._pad5 = 0;
    const Context32 again = narrowed(widened(narrow));
    EXPECT_EQ(std::memcmp(&again, &narrow, sizeof again), 0);
}

TEST(PaeContext, Cr3HoldsFramesBeyond4GiB)
{
    EXPECT_EQ(extended_cr3(0x00012345), 0x12345000U);
    EXPECT_EQ(extended_cr3(0x12345678), 0x45678123U);
    Context32 narrow = {};
    narrow.ctrlreg[3] = 0x45678123;
    EXPECT_EQ(widened(narrow).ctrlreg[3], 0x12345678U * std::uint64_t{0x1000});
}

TEST_F(PaeTest, EventsAreMarkedInWordsOf32Bits)
{
    constexpr std::uint32_t port = 40;
    xen.raise_event(domain, port);
    const auto& info = xen.machine.structure<shared_info_x86_32_t>(*domain.shared_info);
    EXPECT_EQ(info.evtchn_pending[1], 1U << 8);
    EXPECT_EQ(info.vcpu_info[0].evtchn_pending_sel, 1U << 1);
    EXPECT_EQ(info.vcpu_info[0].evtchn_upcall_pending, 1U);
}

TEST(PaeDescriptors, AreLiftedToRing1AndStretched)
{
    std::uint64_t flat = 0x00cf'9a00'0000'ffff;
    ASSERT_TRUE(fix_descriptor(flat, true));
    EXPECT_EQ(flat, 0x00cf'ba00'0000'ffffU);
    std::uint64_t up_to_old_xen = 0x00cf'9200'0000'67ff | std::uint64_t{0xf} << 48;
    ASSERT_TRUE(fix_descriptor(up_to_old_xen, true));
    EXPECT_EQ(up_to_old_xen & 0xffff, 0xffffU) << "covers all of Xen's area";
    std::uint64_t user = 0x00cf'fa00'0000'0fff;
    user &= ~(std::uint64_t{0xf} << 48);
    const std::uint64_t before = user;
    ASSERT_TRUE(fix_descriptor(user, true));
    EXPECT_EQ(user, before);
    std::uint64_t long_mode = 0x00af'9a00'0000'ffff;
    EXPECT_FALSE(fix_descriptor(long_mode, true));
    EXPECT_TRUE(fix_descriptor(long_mode, false));
}

}  // namespace
}  // namespace fakexen
