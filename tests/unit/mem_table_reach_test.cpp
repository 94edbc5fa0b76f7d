// SPDX-License-Identifier: LGPL-2.1-or-later
// Which tables are in use: small sets of tables, and what leads to them.
#include "libsr/mem/table_reach.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

/// mfn 0x100 + n is pfn n; all else is nobody's.
struct Hundreds {
    [[nodiscard]] PfnOrWhy pfn_of(Mfn mfn) const
    {
        return mfn.number() >= 0x100 && mfn.number() < 0x200
                   ? PfnOrWhy{Pfn{mfn.number() - 0x100}, NoPfn::none}
                   : PfnOrWhy{Pfn{0}, NoPfn::no_m2p_entry};
    }
    void prefetch(Mfn) const {}
};

constexpr std::uint64_t present = 0x67;

/// A present entry for a pfn.
std::uint64_t to(std::uint64_t pfn, std::uint64_t flags = present)
{
    return (0x100 + pfn) << 12 | flags;
}

/// A guest's pages as the hypervisor reports them, and the contents of its tables.
struct Guest {
    const GuestAbi& abi = long64;
    std::map<std::uint64_t, std::pair<PageType, Page>> pages{};
    std::vector<Pfn> roots{};
    std::optional<Mfn> compat_m2p = std::nullopt;

    void add(std::uint64_t pfn, PageType type,
             std::initializer_list<std::pair<unsigned, std::uint64_t>> entries = {})
    {
        pages.insert_or_assign(pfn, std::pair{type, table_of(entries)});
    }

    /// The tables that are not in use, as a save would find them, taking two at a time.
    [[nodiscard]] std::vector<std::uint64_t> stale() const
    {
        TableReach reach{abi, Pfn{0xff}};
        for (const auto& [pfn, page] : pages) {
            reach.note(Pfn{pfn}, page.first);
        }
        for (const Pfn root : roots) {
            reach.add_root(root);
        }
        std::vector<Pfn> tables;
        while (reach.take(2, tables)) {
            for (const Pfn table : tables) {
                reach.look(table, pages.at(table.number()).second, compat_m2p, Hundreds{});
            }
        }
        std::vector<std::uint64_t> found;
        reach.for_each_stale([&](Pfn pfn) { found.push_back(pfn.number()); });
        EXPECT_EQ(reach.nr_stale(), found.size());
        for (const auto& [pfn, page] : pages) {
            const bool is_stale = std::find(found.begin(), found.end(), pfn) != found.end();
            EXPECT_EQ(reach.type_in_use(Pfn{pfn}, page.first),
                      is_stale ? PageType::notab : page.first);
        }
        return found;
    }
};

using Pfns = std::vector<std::uint64_t>;

/// L4 1 -> L3 2 -> L2 3 -> L1 4 -> page 5; a second L1, 6, that nothing names.
Guest small_guest(PageType top)
{
    Guest guest;
    guest.add(1, top, {{0, to(2)}});
    guest.add(2, PageType::l3, {{511, to(3)}});
    guest.add(3, PageType::l2, {{7, to(4)}});
    guest.add(4, PageType::l1, {{0, to(5)}, {1, to(6, 0x65)}});  // 6 mapped as a page
    guest.add(5, PageType::notab);
    guest.add(6, PageType::l1, {{0, to(5)}});
    return guest;
}

TEST(TableReach, APinHoldsAllBeneathIt)
{
    EXPECT_EQ(small_guest(PageType::l4_pinned).stale(), Pfns{6});
}

TEST(TableReach, SoDoesAVcpu)
{
    Guest guest = small_guest(PageType::l4);
    EXPECT_EQ(guest.stale(), (Pfns{1, 2, 3, 4, 6}));
    guest.roots = {Pfn{1}};
    EXPECT_EQ(guest.stale(), Pfns{6});
    guest.roots = {Pfn{2}, Pfn{5}, Pfn{0x77}};
    EXPECT_EQ(guest.stale(), (Pfns{1, 2, 3, 4, 6})) << "no vCPU runs on an L3, or on memory";
}

TEST(TableReach, APinAtAnyLevelHoldsItsOwn)
{
    Guest guest = small_guest(PageType::l4);
    guest.pages.at(3).first = PageType::l2_pinned;
    EXPECT_EQ(guest.stale(), (Pfns{1, 2, 6}));
    guest.pages.at(6).first = PageType::l1_pinned;
    EXPECT_EQ(guest.stale(), (Pfns{1, 2}));
}

TEST(TableReach, AnEntryThatIsNotPresentHoldsNothing)
{
    Guest guest = small_guest(PageType::l4_pinned);
    guest.add(3, PageType::l2, {{7, to(4, 0x66)}});
    EXPECT_EQ(guest.stale(), (Pfns{4, 6}));
}

TEST(TableReach, AnEntryHoldsATableOfTheLevelBelowOrItsLike)
{
    Guest guest = small_guest(PageType::l4_pinned);
    guest.add(3, PageType::l2, {{7, to(4)}, {8, to(0x10)}, {9, to(0x11)}, {10, to(0x12)}});
    guest.add(0x10, PageType::l2,
              {{0, to(6)}});  // a linear entry: 0x10 was in use when it was made
    guest.add(0x11, PageType::l3);
    guest.add(0x12, PageType::l4);
    EXPECT_EQ(guest.stale(), (Pfns{0x11, 0x12}));
}

TEST(TableReach, TablesThatNameEachOtherEndInTime)
{
    Guest guest = small_guest(PageType::l4_pinned);
    guest.add(1, PageType::l4_pinned, {{0, to(2)}, {1, to(1, 0x65)}, {2, to(7, 0x65)}});
    guest.add(7, PageType::l4, {{0, to(2)}, {3, to(1, 0x65)}});
    EXPECT_EQ(guest.stale(), Pfns{6});
}

TEST(TableReach, LooksNotAtSlotsOfXens)
{
    Guest guest = small_guest(PageType::l4_pinned);
    guest.add(1, PageType::l4_pinned, {{0, to(2)}, {256, to(8)}, {271, to(9)}, {272, to(10)}});
    for (const std::uint64_t l3 : {8U, 9U, 10U}) {
        guest.add(l3, PageType::l3);
    }
    EXPECT_EQ(guest.stale(), (Pfns{6, 8, 9}));
}

TEST(TableReach, FollowsATableOfNobodysNowhere)
{
    Guest guest = small_guest(PageType::l4_pinned);
    guest.add(2, PageType::l3, {{511, to(3)}, {0, 0x67}, {1, to(0x55)}, {2, to(0xabc000)}});
    EXPECT_EQ(guest.stale(), Pfns{6});
}

TEST(TableReach, FollowsA32BitGuestsTables)
{
    Guest guest{pae32};
    guest.compat_m2p = Mfn{0x777};
    guest.add(1, PageType::l3, {{0, to(2, 0x27)}, {3, to(3, 0x27)}, {4, to(9)}});
    guest.add(2, PageType::l2, {{0, to(4)}, {428, to(5)}});
    guest.add(3, PageType::l2, {{0, to(6)}, {428, 0x77'70e3}, {430, to(7)}});
    for (const std::uint64_t l1 : {4U, 5U, 6U, 7U}) {
        guest.add(l1, PageType::l1);
    }
    guest.add(9, PageType::l2);
    EXPECT_EQ(guest.stale(), (Pfns{1, 2, 3, 4, 5, 6, 7, 9}));
    guest.roots = {Pfn{1}};
    EXPECT_EQ(guest.stale(), (Pfns{7, 9})) << "Xen's slots: 4 of the L3, 428 on of its L2";
}

}  // namespace
}  // namespace sr
