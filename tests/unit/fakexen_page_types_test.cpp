// SPDX-License-Identifier: LGPL-2.1-or-later
// fakexen's page types: what becomes a table, what it takes, what is given back, and what is refused with which errno.
#include "tests/unit/fakexen_support.hpp"

#include <cerrno>

namespace fakexen {
namespace {

using PageTypesTest = HypervisorTest;

constexpr std::uint64_t read_only = pte::present | pte::user;
constexpr std::uint64_t writable = read_only | pte::writable;

TEST_F(PageTypesTest, PinValidatesTheWholeTree)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_TRUE(frame(t.l4).pinned);
    const std::pair<Mfn, FrameType> expected[] = {{t.l4, FrameType::l4_table},
                                                  {t.l3, FrameType::l3_table},
                                                  {t.l2, FrameType::l2_table},
                                                  {t.l1, FrameType::l1_table},
                                                  {t.content, FrameType::writable}};
    for (const auto& [mfn, type] : expected) {
        SCOPED_TRACE(to_string(type));
        EXPECT_EQ(frame(mfn).type, type);
        EXPECT_TRUE(frame(mfn).validated);
        EXPECT_EQ(frame(mfn).type_count, 1U);
        EXPECT_EQ(frame(mfn).references, 2U);
    }
}

TEST_F(PageTypesTest, UnpinGivesBackAndKeepsTheStaleType)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    ASSERT_EQ(xen.types.unpin(t.l4, domain), 0);
    for (const Mfn mfn : {t.l4, t.l3, t.l2, t.l1, t.content}) {
        EXPECT_EQ(frame(mfn).type_count, 0U);
        EXPECT_EQ(frame(mfn).references, 1U);
    }
    EXPECT_EQ(frame(t.l1).type, FrameType::l1_table);
    EXPECT_FALSE(frame(t.l1).validated);
    EXPECT_EQ(xen.types.unpin(t.l4, domain), -EINVAL);
}

TEST_F(PageTypesTest, SecondPinIsRefused)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), -EINVAL);
    EXPECT_EQ(frame(t.l4).type_count, 1U);
    EXPECT_EQ(frame(t.l4).references, 2U);
}

TEST_F(PageTypesTest, XenWritesItsOwnL4Slots)
{
    const Tree t = tree();
    const auto entries = xen.machine.entries(t.l4);
    entries[xen_l4_slot_first] = 0xdead'0000'0000'0fff;  // not looked at, and overwritten
    entries[xen_l4_slot_last] = 0xdead'0000'0000'0fff;
    entries[xen_l4_slot_last + 1] = 0;
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_NE(entries[xen_l4_slot_first], 0xdead'0000'0000'0fff);
    EXPECT_NE(entries[xen_l4_slot_last], 0xdead'0000'0000'0fff);
    EXPECT_EQ(pte::frame_of(entries[258]), t.l4);
    EXPECT_EQ(entries[xen_l4_slot_last + 1], 0U);
}

TEST_F(PageTypesTest, NoWritableMappingOfATable)
{
    const Tree t = tree();
    set(t.l1, 6, t.l1, writable);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), -EBUSY);
    set(t.l1, 6, t.l1, read_only);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
}

TEST_F(PageTypesTest, NoTableOfAWritablePage)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.get_page_and_type(t.l2, FrameType::writable, domain), 0);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), -EINVAL);
    xen.types.put_page_and_type(t.l2);
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
}

TEST_F(PageTypesTest, FailureGivesEverythingBack)
{
    const Tree t = tree();
    const Mfn other = page();
    set(t.l1, 7, other, writable);
    set(t.l1, 8, other, writable | pte::global | pte::large);  // the last entry is the bad one
    EXPECT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), -EINVAL);
    for (const Mfn mfn : {t.l4, t.l3, t.l2, t.l1, t.content, other}) {
        EXPECT_EQ(frame(mfn).references, 1U);
        EXPECT_EQ(frame(mfn).type_count, 0U);
        EXPECT_FALSE(is_table(frame(mfn).type) && frame(mfn).validated);
    }
}

TEST_F(PageTypesTest, RefusesWhatXenRefuses)
{
    Domain& stranger = make_domain();
    struct Case {
        const char* what;
        std::uint64_t entry;
        int in_l1;
        int in_l2;
    };
    const Case cases[] = {
        {"a page of another domain", pte::make(page(stranger), read_only), -EBUSY, -EINVAL},
        {"a free frame", pte::make(Mfn{xen.machine.first_mfn()}, read_only), -EBUSY, -EINVAL},
        {"a frame beyond RAM", pte::make(Mfn{xen.machine.max_mfn() + 1}, read_only), -EPERM,
         -EINVAL},
        {"frame ~0", pte::make(Mfn{pte::invalid_frame}, read_only), -EINVAL, -EINVAL},
        {"the M2P table", pte::make(Mfn{xen.machine.m2p_first_mfn()}, read_only), -EBUSY, -EINVAL},
        {"a large page", pte::make(page(), read_only | pte::large), -EINVAL, -EINVAL},
        {"write-through", pte::make(page(), read_only | pte::write_through), -EINVAL, -EINVAL},
        {"global", pte::make(page(), read_only | pte::global), 0, -EINVAL},
        {"available bits", pte::make(page(), read_only | pte::available | pte::guest_kernel), 0, 0},
        {"not present", pte::make(Mfn{pte::invalid_frame}, pte::large), 0, 0},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.what);
        const Mfn l1 = page();
        xen.machine.entries(l1)[511] = c.entry;
        EXPECT_EQ(xen.types.pin(l1, FrameType::l1_table, domain), c.in_l1);
        const Mfn l2 = page();
        xen.machine.entries(l2)[511] = c.entry;
        EXPECT_EQ(xen.types.pin(l2, FrameType::l2_table, domain), c.in_l2);
        if (c.in_l1 == 0) {
            ASSERT_EQ(xen.types.unpin(l1, domain), 0);
        }
    }
}

TEST_F(PageTypesTest, AddsTheBitsOfAGuestInRing3)
{
    const Tree t = tree(pte::present);  // a kernel page as the guest sees it
    set(t.l4, 6, page(), pte::present | pte::writable);
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_EQ(xen.machine.entries(t.l1)[5] & pte::flags_mask,
              pte::present | pte::user | pte::guest_kernel);
    EXPECT_EQ(xen.machine.entries(t.l4)[6] & pte::flags_mask,
              pte::present | pte::writable | pte::user | pte::accessed);
}

TEST_F(PageTypesTest, LinearEntriesAreReadOnlyAndHaveNoChains)
{
    const Mfn a = page();
    const Mfn b = page();
    const Mfn c = page();
    set(a, 0, a);  // itself
    ASSERT_EQ(xen.types.pin(a, FrameType::l4_table, domain), 0);
    EXPECT_EQ(frame(a).type_count, 1U) << "an entry that names its own table takes no reference";
    set(b, 0, a);
    ASSERT_EQ(xen.types.pin(b, FrameType::l4_table, domain), 0);
    EXPECT_EQ(frame(a).type_count, 2U);
    EXPECT_EQ(frame(a).linear_count, -1);
    EXPECT_EQ(frame(b).linear_count, 1);
    set(c, 0, b);
    EXPECT_EQ(xen.types.pin(c, FrameType::l4_table, domain), -EINVAL)
        << "b has such an entry itself";
    set(c, 0, c, writable);
    EXPECT_EQ(xen.types.pin(c, FrameType::l4_table, domain), -EINVAL);
    ASSERT_EQ(xen.types.unpin(b, domain), 0);
    EXPECT_EQ(frame(a).type_count, 1U);
    EXPECT_EQ(frame(a).linear_count, 0);
    EXPECT_EQ(frame(b).linear_count, 0);
}

TEST_F(PageTypesTest, ATableIsOneLevelOnly)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    EXPECT_EQ(xen.types.pin(t.l1, FrameType::l2_table, domain), -EINVAL);
    EXPECT_EQ(xen.types.pin(t.l1, FrameType::l1_table, domain), 0);
    EXPECT_EQ(frame(t.l1).type_count, 2U);
}

TEST_F(PageTypesTest, UpdateMovesReferences)
{
    const Tree t = tree();
    const Mfn other = page();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    const auto update = [&](Mfn table, unsigned slot, std::uint64_t entry) {
        return xen.types.update_entry(table, slot, entry, KeepBits::none, domain, domain);
    };
    EXPECT_EQ(update(t.l1, 5, pte::make(other, writable)), 0);
    EXPECT_EQ(frame(t.content).references, 1U);
    EXPECT_EQ(frame(other).references, 2U);
    EXPECT_EQ(frame(other).type_count, 1U);
    EXPECT_EQ(update(t.l1, 5, pte::make(other, read_only)), 0);
    EXPECT_EQ(frame(other).type_count, 0U);
    EXPECT_EQ(update(t.l1, 5, pte::make(t.l2, writable)), -EBUSY);
    EXPECT_EQ(pte::frame_of(xen.machine.entries(t.l1)[5]), other)
        << "a refused update changes nothing";
    EXPECT_EQ(update(t.l2, 5, 0), 0);
    EXPECT_FALSE(frame(t.l1).validated);
    EXPECT_EQ(frame(other).references, 1U);
    EXPECT_EQ(update(t.l4, 256, 0), -EINVAL) << "Xen's slot";
}

TEST_F(PageTypesTest, UpdateKeepsAccessedAndDirtyIfAsked)
{
    const Tree t = tree();
    ASSERT_EQ(xen.types.pin(t.l1, FrameType::l1_table, domain), 0);
    xen.machine.entries(t.l1)[5] |= pte::dirty;
    ASSERT_EQ(xen.types.update_entry(t.l1, 5, pte::make(page(), read_only),
                                     KeepBits::accessed_dirty, domain, domain),
              0);
    EXPECT_NE(xen.machine.entries(t.l1)[5] & pte::dirty, 0U);
    ASSERT_EQ(xen.types.update_entry(t.l1, 5, pte::make(page(), read_only), KeepBits::none, domain,
                                     domain),
              0);
    EXPECT_EQ(xen.machine.entries(t.l1)[5] & pte::dirty, 0U);
}

TEST_F(PageTypesTest, AFreedFrameStaysUntilItsReferencesGo)
{
    const Mfn mfn = page();
    const std::uint64_t nr_free = xen.machine.nr_free();
    ASSERT_TRUE(xen.types.get_page(mfn, domain));
    ASSERT_EQ(xen.remove_page(domain, mfn), 0);
    EXPECT_EQ(xen.machine.nr_free(), nr_free);
    EXPECT_EQ(frame(mfn).owner, &domain);
    EXPECT_NE(xen.machine.m2p(mfn), invalid_m2p_entry);
    xen.types.put_page(mfn);
    EXPECT_EQ(xen.machine.nr_free(), nr_free + 1);
    EXPECT_EQ(xen.machine.m2p(mfn), invalid_m2p_entry);
    EXPECT_EQ(xen.remove_page(domain, mfn), -ENXIO);
}

TEST_F(PageTypesTest, DescriptorTablesHoldNoSystemSegments)
{
    constexpr std::uint64_t code_ring_0 = 0x00af'9b00'0000'ffff;
    constexpr std::uint64_t task_state = 0x0000'8900'0000'0067;
    const Mfn good = page();
    xen.machine.entries(good)[2] = code_ring_0;
    EXPECT_EQ(xen.types.get_page_and_type(good, FrameType::segment, domain), 0);
    EXPECT_EQ(xen.machine.entries(good)[2], code_ring_0 | std::uint64_t{3} << 45)
        << "lifted to ring 3";
    const Mfn bad = page();
    xen.machine.entries(bad)[511] = task_state;
    EXPECT_EQ(xen.types.get_page_and_type(bad, FrameType::segment, domain), -EINVAL);
}

TEST_F(PageTypesTest, LogDirtySeesTypesPinsAndEntries)
{
    const Tree t = tree();
    const auto dirtied = [&](Mfn mfn) {
        const std::uint64_t pfn = xen.machine.m2p(mfn);
        const auto& words = domain.dirty.words();
        const bool is_set = pfn / 64 < words.size() && (words[pfn / 64] >> pfn % 64 & 1) != 0;
        return is_set;
    };
    domain.dirty.enable();
    ASSERT_EQ(xen.types.pin(t.l4, FrameType::l4_table, domain), 0);
    for (const Mfn mfn : {t.l4, t.l3, t.l2, t.l1}) {
        EXPECT_TRUE(dirtied(mfn));
    }
    EXPECT_FALSE(dirtied(t.content));
    EXPECT_EQ(domain.dirty.nr_dirty(), 4U);
    domain.dirty.clean(512);
    ASSERT_EQ(xen.types.update_entry(t.l1, 5, 0, KeepBits::none, domain, domain), 0);
    EXPECT_TRUE(dirtied(t.l1));
    EXPECT_EQ(domain.dirty.nr_dirty(), 1U);
}

TEST_F(PageTypesTest, AGuestsStoresAreMarkedWhereTheFrameIs)
{
    Domain& other = make_domain();
    const Mfn mfn = page(other);
    xen.mark_stored(mfn);
    EXPECT_EQ(other.dirty.nr_dirty(), 0U) << "not asked for";
    other.dirty.enable();
    domain.dirty.enable();
    xen.mark_stored(mfn);
    xen.mark_stored(mfn);
    xen.mark_stored(Mfn{xen.machine.max_mfn() + 1});
    xen.mark_stored(Mfn{xen.machine.m2p_first_mfn()});
    EXPECT_EQ(other.dirty.nr_dirty(), 1U);
    EXPECT_EQ(domain.dirty.nr_dirty(), 0U);
}

TEST(DirtyLog, ForgetsWholeLeavesAndKeepsWhatLiesBeyond)
{
    constexpr std::uint64_t leaf = std::uint64_t{4096} * 8;
    DirtyLog log;
    log.enable();
    for (const std::uint64_t pfn : {std::uint64_t{0}, leaf - 1, leaf, 2 * leaf}) {
        EXPECT_TRUE(log.mark(pfn));
        EXPECT_FALSE(log.mark(pfn));
    }
    EXPECT_EQ(log.nr_dirty(), 4U);
    log.clean(64);
    EXPECT_EQ(log.nr_dirty(), 0U);
    EXPECT_TRUE(log.mark(leaf - 1)) << "the rest of the leaf is clean too";
    EXPECT_FALSE(log.mark(leaf)) << "the next one was not asked for";
    log.clean(leaf + 1);
    EXPECT_TRUE(log.mark(leaf));
    EXPECT_FALSE(log.mark(2 * leaf));
}

TEST_F(PageTypesTest, ExtentsAreAllOrNone)
{
    const auto first = xen.add_extent(domain, 64, 0);
    ASSERT_TRUE(first);
    EXPECT_EQ(xen.add_extent(domain, 64, 3), std::nullopt) << "the free list is shuffled by pages";
    EXPECT_EQ(xen.add_extent(domain, 64, 9), std::nullopt) << "and the domain's limit is 512";
    EXPECT_EQ(domain.nr_pages, 1U);
}

}  // namespace
}  // namespace fakexen
