// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's plan of its memory, its first page tables and the shape of its vCPU contexts.
#include "tests/fakexen/guest/compat_context.hpp"
#include "tests/fakexen/guest/grant_table.hpp"
#include "tests/fakexen/guest/granter.hpp"
#include "tests/fakexen/guest/page_tables.hpp"
#include "tests/fakexen/guest/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace fakexen::guest {
namespace {

constexpr std::uint64_t mib = 256;  ///< pages

std::uint64_t nr_with_frames(const Plan& plan)
{
    return static_cast<std::uint64_t>(
        std::count_if(plan.records.begin(), plan.records.end(),
                      [](const PageRecord& record) { return record.role != Role::hole; }));
}

TEST(GuestPlan, UsesAllMemoryWithoutHoles)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib}, abi64);
    EXPECT_EQ(plan.nr_pfns, 16 * mib);
    EXPECT_EQ(nr_with_frames(plan), 16 * mib);
    EXPECT_EQ(plan.leaf_pages.size(), 16 * mib / 512);
}

TEST(GuestPlan, KeepsTheFixedStructuresApart)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib, .nr_vcpus = 4}, abi64);
    const Places& at = plan.places;
    const std::vector<std::uint64_t> order = {
        0,         at.start_info, at.console_ring, at.store_ring,  plan.state,
        at.gdt,    at.vcpu_info,  at.records,      at.p2m_missing, at.frame_list,
        at.tables, at.p2m_leaves, at.data};
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), std::less_equal{}));
    EXPECT_EQ(at.vcpu_info - at.gdt, 4U);
    EXPECT_EQ(at.records - at.vcpu_info, 1U);
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), order.size());
    for (std::uint64_t pfn = 1; pfn < at.tables; ++pfn) {
        EXPECT_EQ(plan.records[pfn].role,
                  pfn >= at.gdt && pfn < at.vcpu_info ? Role::gdt : Role::fixed);
    }
}

TEST(GuestPlan, KeepsRecordsOfGrants)
{
    const Shape shape{.memory_pages = 16 * mib, .nr_grant_refs = 1000};
    const Places with = make_plan(shape, abi64).places;
    const Places without = make_plan({.memory_pages = 16 * mib}, abi64).places;
    EXPECT_EQ(with.p2m_missing - with.grants, 4U);  // 16 octets each
    EXPECT_EQ(without.p2m_missing, without.grants);
    EXPECT_EQ(with.data - without.data, 4U);
}

TEST(GuestGrants, TakeFramesAsTheirVersionHasIt)
{
    EXPECT_EQ(frames_for_grants(1, 512), 1U);
    EXPECT_EQ(frames_for_grants(1, 513), 2U);
    EXPECT_EQ(frames_for_grants(2, 256), 1U);
    EXPECT_EQ(frames_for_grants(2, 257), 2U);
    EXPECT_EQ(status_frames_for(1), 1U);
    EXPECT_EQ(status_frames_for(8), 1U);
    EXPECT_EQ(status_frames_for(9), 2U);
    EXPECT_EQ(status_frames_for(max_grant_frames), 8U);
}

TEST(GuestGrants, AreToldInAWord)
{
    const DirectorySlot slot{.pfn = 0xabcd'1234, .ref = 0x12'3456, .kind = GrantKind::transitive};
    EXPECT_EQ(slot.word(), 0xabcd'1234'1234'5605U);
    const DirectorySlot again = DirectorySlot::of_word(slot.word());
    EXPECT_EQ(again.pfn, slot.pfn);
    EXPECT_EQ(again.ref, slot.ref);
    EXPECT_EQ(again.kind, slot.kind);
    EXPECT_EQ(DirectorySlot::of_word(0).kind, GrantKind::none);
}

TEST(GuestPlan, LeavesHolesOnlyInData)
{
    const Plan plan = make_plan(
        {.memory_pages = 16 * mib, .nr_holes = 300, .trailing_holes = 700, .seed = 7}, abi64);
    EXPECT_EQ(plan.nr_pfns, 16 * mib + 700);
    EXPECT_LT(nr_with_frames(plan), 16 * mib);
    EXPECT_GE(nr_with_frames(plan), 16 * mib - 300);
    for (std::uint64_t pfn = 0; pfn < plan.nr_pfns; ++pfn) {
        if (pfn < plan.places.data) {
            EXPECT_NE(plan.records[pfn].role, Role::hole);
        } else if (pfn >= 16 * mib) {
            EXPECT_EQ(plan.records[pfn].role, Role::hole);
        }
    }
    EXPECT_EQ(plan.leaf_pages.back(), plan.places.p2m_missing);
}

TEST(GuestPlan, MarksEveryOtherHoleAsIdentity)
{
    const Shape shape{.memory_pages = 16 * mib, .nr_holes = 300, .identity_holes = true};
    const Plan plan = make_plan(shape, abi64);
    const auto nr_identity =
        std::count_if(plan.records.begin(), plan.records.end(), [](const PageRecord& record) {
            return record.role == Role::hole && record.level == 1;
        });
    EXPECT_GT(nr_identity, 100);
    EXPECT_LE(nr_identity, 150);
    EXPECT_EQ(abi64.identity_entry(5), 0x4000'0000'0000'0005U);
    EXPECT_EQ(abi32.identity_entry(5), 0x4000'0005U);
}

TEST(GuestPlan, SharesOnePageForEmptyPartsOfASparseP2m)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib, .nr_pfns = 300000, .seed = 1}, abi64);
    EXPECT_EQ(plan.nr_pfns, 300000U);
    EXPECT_LE(nr_with_frames(plan), 16 * mib);
    EXPECT_GT(nr_with_frames(plan), 12 * mib);
    const auto missing =
        std::count(plan.leaf_pages.begin(), plan.leaf_pages.end(), plan.places.p2m_missing);
    EXPECT_GT(missing, 400);
    EXPECT_EQ(plan.leaf_pages.size(), plan.places.nr_leaves + static_cast<std::uint64_t>(missing));
}

TEST(GuestPlan, IsTheSameForTheSameSeed)
{
    const Shape shape = {.memory_pages = 8 * mib, .nr_holes = 50, .seed = 3};
    Shape other = shape;
    other.seed = 4;
    const auto roles = [](const Plan& plan) {
        std::vector<Role> all;
        for (const PageRecord& record : plan.records) {
            all.push_back(record.role);
        }
        return all;
    };
    EXPECT_EQ(roles(make_plan(shape, abi64)), roles(make_plan(shape, abi64)));
    EXPECT_NE(roles(make_plan(shape, abi64)), roles(make_plan(other, abi64)));
}

TEST(GuestPlan, RefusesTooLittleMemory)
{
    EXPECT_THROW((void)make_plan({.memory_pages = 64}, abi64), std::invalid_argument);
}

TEST(GuestPlan, HasSmallerP2mEntriesForPae)
{
    const Plan plan = make_plan({.memory_pages = 16 * mib, .p2m_offset = 4096}, abi32);
    EXPECT_EQ(plan.leaf_pages.size(), 16 * mib / 1024);
    EXPECT_EQ(plan.p2m_vaddr, abi32.p2m_list + 4096);
}

TEST(GuestPlan, RefusesAPaeGuestThatItsAddressSpaceCannotHold)
{
    EXPECT_THROW((void)make_plan({.memory_pages = 16 * mib, .nr_pfns = 600000}, abi32),
                 std::invalid_argument);
    EXPECT_THROW((void)make_plan({.memory_pages = 16 * mib, .p2m_offset = 0x3500'0000}, abi32),
                 std::invalid_argument)
        << "the list would end where the fixmap is";
}

TEST(GuestAbi, KeepsPaeBelowXen)
{
    constexpr Va xen_from = 0xf580'0000;
    EXPECT_LT(abi32.fixmap, xen_from);
    EXPECT_LE(abi32.p2m_limit, abi32.fixmap);
    EXPECT_EQ(Abi::slot(xen_from, 2), abi32.high_xen_slots.first);
    EXPECT_EQ(Abi::slot(abi32.fixmap, 3), Abi::high_slot);
    EXPECT_TRUE(abi32.is_xen_slot(3, 4));
    EXPECT_FALSE(abi32.is_xen_slot(2, 428)) << "only the L2 of slot 3 has Xen's entries";
    EXPECT_TRUE(abi32.is_xen_slot(Abi::high_part, 428));
    EXPECT_FALSE(abi64.is_xen_slot(4, 272));
    EXPECT_TRUE(abi64.is_xen_slot(4, 271));
}

TEST(GuestAbi, CountsPartsOfAnAddressSpace)
{
    EXPECT_EQ(abi64.nr_parts(4), 4U);
    EXPECT_EQ(abi32.nr_parts(2), 2U);
    EXPECT_EQ(abi32.nr_parts(3), 4U);
    EXPECT_EQ(abi32.level_of(Abi::high_part), 2U);
    EXPECT_EQ(abi64.level_of(4), 4U);
}

TEST(GuestAbi, TurnsTheUpperBitsOfAPaeCr3)
{
    EXPECT_EQ(abi64.cr3_of(0x123456), 0x123456000U);
    EXPECT_EQ(abi32.cr3_of(0x12345), 0x12345000U);
    EXPECT_EQ(abi32.cr3_of(0x123456), 0x23456001U);
    EXPECT_EQ(abi32.no_entry(), 0xffff'ffffU);
    EXPECT_EQ(abi64.no_entry(), no_mfn);
}

vcpu_guest_context_t some_context(const Abi& abi)
{
    vcpu_guest_context_t context = {};
    context.user_regs.rip = abi.signature | 0x100;
    context.user_regs.rbx = 0x1111'2222;
    context.user_regs.rdi = 0x4000'5000;
    context.user_regs.r15 = 0x4000'6000;
    context.user_regs.cs = abi.code_segment;
    context.trap_ctxt[3] = {3, 0, abi.code_segment, 0x5000'0000};
    context.gdt_frames[0] = 0x1234567;
    context.gdt_ents = 512;
    context.ctrlreg[3] = std::uint64_t{0x1234568} << 12;
    context.debugreg[2] = 0x77770;
    context.kernel_sp = 0x4567'8000;
    context.syscall_callback_eip = 0xe021'0000'e019;
    context.fpu_ctxt.x[300] = 5;
    return context;
}

TEST(GuestContext, KnowsItsWidthByItsSignature)
{
    EXPECT_EQ(abi_of(some_context(abi64)), &abi64);
    EXPECT_EQ(abi_of(some_context(abi32)), &abi32);
    EXPECT_EQ(abi_of({}), nullptr);
    EXPECT_EQ(state_pointer(some_context(abi64), abi64), 0x4000'6000U);
    EXPECT_EQ(state_pointer(some_context(abi32), abi32), 0x4000'5000U);
}

TEST(GuestContext, FitsInto32BitsAndBack)
{
    const vcpu_guest_context_t before = some_context(abi32);
    const ContextOctets octets = octets_of(before, abi32);
    EXPECT_EQ(octets.narrow.ctrlreg[3], 0x34568012U) << "extended cr3";
    EXPECT_EQ(octets.narrow.gdt_frames[0], 0x1234567U);
    EXPECT_EQ(octets.narrow.event_callback_cs, 0xe019U);
    EXPECT_EQ(octets.narrow.failsafe_callback_cs, 0xe021U);
    const vcpu_guest_context_t after = context_of(octets, abi32);
    EXPECT_EQ(after.syscall_callback_eip, before.syscall_callback_eip);
    EXPECT_EQ(after.user_regs.rip, before.user_regs.rip);
    EXPECT_EQ(after.user_regs.rbx, before.user_regs.rbx);
    EXPECT_EQ(after.user_regs.rdi, before.user_regs.rdi);
    EXPECT_EQ(after.user_regs.cs, before.user_regs.cs);
    EXPECT_EQ(after.trap_ctxt[3].address, before.trap_ctxt[3].address);
    EXPECT_EQ(after.gdt_ents, before.gdt_ents);
    EXPECT_EQ(after.ctrlreg[3], before.ctrlreg[3]);
    EXPECT_EQ(after.debugreg[2], before.debugreg[2]);
    EXPECT_EQ(after.kernel_sp, before.kernel_sp);
    EXPECT_EQ(after.fpu_ctxt.x[300], before.fpu_ctxt.x[300]);
}

std::uint64_t walk(const Abi& abi, const PageTables& tables, Va va)
{
    std::uint64_t pfn = tables.tables().front().pfn;
    for (unsigned level = abi.levels; level != 0; --level) {
        const auto found =
            std::find_if(tables.tables().begin(), tables.tables().end(),
                         [&](const PageTables::Table& table) { return table.pfn == pfn; });
        if (found == tables.tables().end() || found->level != level) {
            return no_mfn;
        }
        pfn = pte::frame(found->entries[Abi::slot(va, level)]);
    }
    return pfn;
}

TEST(GuestPageTables, MapWhatTheyWereToldTo)
{
    PageTables tables{abi64, 100, 120};
    const Va high =
        abi64.p2m_list + (std::uint64_t{1} << 30) - page_size;  // the next page needs a new L2
    tables.map(abi64.direct(5), 5, pte::read_write);
    tables.map(high, 6, pte::read_only);
    tables.map(high + page_size, 7, pte::read_only);
    EXPECT_EQ(walk(abi64, tables, abi64.direct(5)), 5U);
    EXPECT_EQ(walk(abi64, tables, high), 6U);
    EXPECT_EQ(walk(abi64, tables, high + page_size), 7U);
    EXPECT_EQ(tables.tables().size(), 1U + 3U + 3U + 2U);
    EXPECT_EQ(tables.next_pfn(), 109U);
}

TEST(GuestPageTables, HaveThreeLevelsForPae)
{
    PageTables tables{abi32, 100, 120};
    tables.map(abi32.direct(5), 5, pte::read_write);
    tables.map(abi32.p2m_list, 6, pte::read_write);
    tables.map(abi32.fixmap, 7, pte::read_write);
    EXPECT_EQ(walk(abi32, tables, abi32.direct(5)), 5U);
    EXPECT_EQ(walk(abi32, tables, abi32.p2m_list), 6U);
    EXPECT_EQ(walk(abi32, tables, abi32.fixmap), 7U);
    EXPECT_EQ(tables.tables().size(), 1U + 2U + 3U) << "list and fixmap share the L2 of slot 3";
    const auto& top = tables.tables().front();
    EXPECT_EQ(top.entries[Abi::high_slot] & ~pte::frame_mask, pte::present);
}

TEST(GuestPageTables, StopAtTheirLimit)
{
    PageTables tables{abi64, 100, 103};
    EXPECT_THROW(tables.prepare(abi64.direct(0)), std::length_error);
}

}  // namespace
}  // namespace fakexen::guest
