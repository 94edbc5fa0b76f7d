// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding a guest's p2m: lists at any alignment, trees, missing tails, and tables that make no
// sense.
#include "libsr/mem/p2m_discovery.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

constexpr std::uint64_t nr_mfns = 0x10'0000;
constexpr std::uint64_t mib = 1U << 20;
constexpr std::uint64_t list_base = 0xffff'c900'0000'0000;  // 1 GiB aligned, as Linux places it
constexpr Mfn missing_leaf{0xf000};

class CopiedView final : public FrameView {
public:
    explicit CopiedView(Octets octets) : octets_{std::move(octets)} {}
    [[nodiscard]] std::span<const std::byte> octets() const noexcept override { return octets_; }

private:
    Octets octets_;
};

/// A guest as its frames by mfn; those never written read as zero.
class Guest final : public GuestFrames {
public:
    [[nodiscard]] std::unique_ptr<FrameView> view(std::span<const Mfn> mfns) override
    {
        most_viewed = std::max(most_viewed, mfns.size());
        Octets octets;
        for (const Mfn mfn : mfns) {
            const Page& page = frames[mfn.number()];
            octets.insert(octets.end(), page.begin(), page.end());
        }
        return std::make_unique<CopiedView>(std::move(octets));
    }

    void put(Mfn table, std::size_t offset, std::uint64_t value)
    {
        store(std::span{frames[table.number()]}, offset, value);
    }

    Mfn new_frame() { return Mfn{next++}; }

    std::map<std::uint64_t, Page> frames;
    std::uint64_t next = 0x8000;
    std::size_t most_viewed = 0;
};

/// Maps leaves one behind the other at vaddr, as a guest's kernel would. Returns cr3's frame.
Mfn map_list(Guest& guest, const GuestAbi& abi, std::uint64_t vaddr, const std::vector<Mfn>& leaves)
{
    const Mfn root = guest.new_frame();
    for (std::size_t at = 0; at < leaves.size(); ++at) {
        const std::uint64_t address = (vaddr & abi.virt_mask) + at * page_size;
        Mfn table = root;
        for (unsigned level = abi.levels; level > 1; --level) {
            const std::size_t offset = (address >> (12 + 9 * (level - 1))) % 512 * 8;
            std::uint64_t entry = load<std::uint64_t>(guest.frames[table.number()], offset);
            if (entry == 0) {
                entry = guest.new_frame().number() << 12 | 0x67;
                guest.put(table, offset, entry);
            }
            table = Pte<Mfn>{entry}.frame();
        }
        guest.put(table, (address >> 12) % 512 * 8,
                  leaves[at].number() << 12 | 0x8000'0000'0000'0067);
    }
    return root;
}

std::vector<Mfn> distinct_leaves(std::size_t nr)
{
    std::vector<Mfn> leaves;
    for (std::size_t at = 0; at < nr; ++at) {
        leaves.emplace_back(0x2'0000 + at * 3);
    }
    return leaves;
}

P2mRoots list_roots(const GuestAbi& abi, std::uint64_t max_pfn, Mfn root, std::uint64_t vaddr)
{
    return {.max_pfn = max_pfn,
            .frame_list_list = 0,
            .cr3 = abi.cr3_of_frame(root.number()),
            .vaddr = vaddr};
}

/// Discovers a list of these leaves at vaddr.
P2mLayout find_list(const GuestAbi& abi, std::uint64_t max_pfn, std::uint64_t vaddr,
                    const std::vector<Mfn>& leaves)
{
    Guest guest;
    const Mfn root = map_list(guest, abi, vaddr, leaves);
    return discover_p2m(abi, list_roots(abi, max_pfn, root, vaddr), guest, nr_mfns);
}

TEST(P2mList, IsFoundWithEveryLeaf)
{
    const std::vector<Mfn> leaves = distinct_leaves(12);
    const P2mLayout found = find_list(long64, 6000, list_base, leaves);
    EXPECT_EQ(found.kind, P2mKind::linear_list);
    EXPECT_EQ(found.highest, Pfn{5999});
    EXPECT_EQ(found.leaves, leaves);
}

// upstream.md, defect A: 300000 pfns in a list 10 MiB past a 1 GiB boundary lose all above 262144
// in the stock engine.
TEST(P2mList, DefectA_NothingIsLostAtAnyAlignment)
{
    const std::vector<Mfn> leaves = distinct_leaves(586);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{0x1000}, 1 * mib, 2 * mib, 10 * mib, 511 * mib,
          512 * mib - 0x1000, 1022 * mib, 1024 * mib - 0x1000}) {
        SCOPED_TRACE(offset);
        const P2mLayout found = find_list(long64, 300000, list_base + offset, leaves);
        EXPECT_EQ(found.highest, Pfn{299999});
        EXPECT_EQ(found.leaves, leaves);
    }
}

TEST(P2mList, OfA32BitGuestIsFoundToo)
{
    const std::vector<Mfn> leaves = distinct_leaves(293);  // of 1024 entries
    for (const std::uint64_t vaddr : {0xc000'0000U, 0xc0a0'0000U, 0xf540'1000U}) {
        SCOPED_TRACE(vaddr);
        const P2mLayout found = find_list(pae32, 300000, vaddr, leaves);
        EXPECT_EQ(found.highest, Pfn{299999});
        EXPECT_EQ(found.leaves, leaves);
    }
}

/// Leaves of `own` frames of their own and then the missing one up to `nr`.
std::vector<Mfn> leaves_with_tail(std::size_t own, std::size_t nr)
{
    std::vector<Mfn> leaves = distinct_leaves(own);
    leaves.resize(nr, missing_leaf);
    return leaves;
}

TEST(P2mList, MissingTailIsCutToWholeTables)
{
    // 1.5 GiB of 5 GiB: tables 0 and 1 hold leaves, 2 to 4 are missing.
    const P2mLayout found = find_list(long64, 5 * 262144, list_base, leaves_with_tail(768, 2560));
    EXPECT_EQ(found.leaves.size(), 1024U);
    EXPECT_EQ(found.highest, Pfn{2 * 262144 - 1});
}

TEST(P2mList, MissingTailOfAnUnalignedListIsCutAtATableToo)
{
    // The list starts in slot 5 of its first table, so table 2 starts with leaf 1019.
    const P2mLayout found = find_list(long64, 5 * 262144, list_base + std::uint64_t{5} * 0x1000,
                                      leaves_with_tail(768, 2560));
    EXPECT_EQ(found.leaves.size(), 1019U);
    EXPECT_EQ(found.highest, Pfn{1019 * 512 - 1});
}

TEST(P2mList, MissingTailOfLessThanTwoTablesStays)
{
    EXPECT_EQ(find_list(long64, 2 * 262144, list_base, leaves_with_tail(512, 1024)).highest,
              Pfn{2 * 262144 - 1});
    EXPECT_EQ(find_list(long64, 1000, list_base, leaves_with_tail(1, 2)).highest, Pfn{999});
    EXPECT_EQ(find_list(long64, 1, list_base, leaves_with_tail(1, 1)).highest, Pfn{0});
}

TEST(LeavesWithoutMissingTail, ComparesFramesAndCountsWholeTables)
{
    struct Row {
        std::size_t own;
        std::size_t nr;
        std::size_t first_slot;
        std::size_t left;
    };
    for (const Row& row : {Row{600, 600, 0, 600}, Row{512, 1536, 0, 512}, Row{513, 1537, 0, 1024},
                           Row{511, 1024, 0, 1024}, Row{512, 1025, 0, 512}, Row{511, 1535, 1, 511},
                           Row{512, 1536, 1, 1023}, Row{0, 2048, 0, 512}, Row{0, 2048, 100, 412}}) {
        EXPECT_EQ(leaves_without_missing_tail(leaves_with_tail(row.own, row.nr),
                                              list_base + row.first_slot * page_size),
                  row.left)
            << row.own << " of " << row.nr << " from slot " << row.first_slot;
    }
}

/// Changes one thing about a good list of 12 leaves.
class BadList : public testing::Test {
protected:
    std::string message(const P2mRoots& changed)
    {
        return message_of([&] { (void)discover_p2m(long64, changed, guest, nr_mfns); });
    }
    /// The table that maps the list at this level.
    Mfn table_at(unsigned level)
    {
        Mfn table = root;
        for (unsigned at = 4; at > level; --at) {
            table = load_pte<Mfn>(guest.frames[table.number()], slot_at(at)).frame();
        }
        return table;
    }
    static unsigned slot_at(unsigned level)
    {
        return static_cast<unsigned>(list_base >> (12 + 9 * (level - 1))) % 512;
    }

    Guest guest;
    Mfn root = map_list(guest, long64, list_base, distinct_leaves(12));
    P2mRoots roots = list_roots(long64, 6000, root, list_base);
};

TEST_F(BadList, RootThatIsNoFrame)
{
    roots.cr3 = nr_mfns << 12;
    EXPECT_EQ(message(roots), "p2m list: p2m_cr3 0x100000000 holds no frame of this host");
    roots.cr3 = 0x123;
    EXPECT_EQ(message(roots), "p2m list: p2m_cr3 0x123 holds no frame of this host");
}

TEST_F(BadList, AddressesThatAreNotTheGuests)
{
    for (const std::uint64_t vaddr :
         {std::uint64_t{0xffff'8000'0000'0000}, std::uint64_t{0x8000'0000'0000},
          std::uint64_t{0x7fff'ffff'f000}, ~std::uint64_t{0xfff}, list_base + 8}) {
        roots.vaddr = vaddr;
        EXPECT_NE(message(roots).find("are no address range of a guest"), std::string::npos)
            << vaddr;
    }
}

TEST_F(BadList, EntriesOfEachLevelAreChecked)
{
    for (unsigned level = 1; level <= 4; ++level) {
        const Mfn table = table_at(level);
        const unsigned slot = slot_at(level);
        const auto good = load_pte<Mfn>(guest.frames[table.number()], slot);
        const std::string name = "p2m list: L" + std::to_string(level) + " entry ";
        const auto expect = [&](std::uint64_t entry, const char* why) {
            guest.put(table, slot * std::size_t{8}, entry);
            const std::string said = message(roots);
            EXPECT_EQ(said.find(name), 0U) << said;
            EXPECT_NE(said.find(std::string{" for address 0xffffc90000000000 "} + why),
                      std::string::npos)
                << said;
        };
        expect(good.raw() & ~std::uint64_t{1}, "is not present");
        expect(0x67, "holds no frame of this host");
        expect(nr_mfns << 12 | 0x67, "holds no frame of this host");
        if (level > 1) {
            expect(good.raw() | 0x80, "is a superpage");
        }
        guest.put(table, slot * std::size_t{8}, good.raw());
    }
    EXPECT_EQ(message(roots), "");
}

TEST_F(BadList, HighestFrameOfTheHostIsStillOne)
{
    guest.put(table_at(1), std::size_t{slot_at(1)} * 8, (nr_mfns - 1) << 12 | 0x67);
    EXPECT_EQ(discover_p2m(long64, roots, guest, nr_mfns).leaves[0], Mfn{nr_mfns - 1});
}

TEST_F(BadList, ClaimsThatNoStreamCanHold)
{
    roots.max_pfn = 0;
    EXPECT_EQ(error_of([&] { (void)discover_p2m(long64, roots, guest, nr_mfns); }), Errc::guest);
    for (const std::uint64_t max_pfn : {0x1'0000'0001U + std::uint64_t{0}, ~std::uint64_t{0}}) {
        roots.max_pfn = max_pfn;
        EXPECT_EQ(error_of([&] { (void)discover_p2m(long64, roots, guest, nr_mfns); }),
                  Errc::limit);
    }
    EXPECT_LE(guest.most_viewed, 256U);
}

TEST(P2mList, ViewsFewFramesAtATime)
{
    Guest guest;
    const Mfn root = guest.new_frame();
    // Every table of a level is the same frame, so that the list spans 2^31 pfns and 8192 tables
    // cheaply.
    Mfn table = missing_leaf;
    for (unsigned level = 1; level <= 3; ++level) {
        const Mfn above = guest.new_frame();
        for (unsigned slot = 0; slot < 512; ++slot) {
            guest.put(above, slot * std::size_t{8}, table.number() << 12 | 0x67);
        }
        table = above;
    }
    for (unsigned slot = 0; slot < 512; ++slot) {
        guest.put(root, slot * std::size_t{8}, table.number() << 12 | 0x67);
    }
    const P2mLayout found =
        discover_p2m(long64, list_roots(long64, std::uint64_t{1} << 31, root, list_base + 0x1000),
                     guest, nr_mfns);
    EXPECT_EQ(found.leaves.size(), 511U) << "all missing, but for the table that is not whole";
    EXPECT_LE(guest.most_viewed, 256U);
}

/// Writes a tree over these leaves and returns its roots. Missing mids are one frame, as Linux has
/// it.
P2mRoots make_tree(Guest& guest, const GuestAbi& abi, std::uint64_t max_pfn,
                   const std::vector<Mfn>& leaves)
{
    const std::size_t per_frame = static_cast<std::size_t>(abi.entries_per_p2m_frame());
    const std::size_t width = abi.width_octets();
    const Mfn top = guest.new_frame();
    const auto put = [&](Mfn table, std::size_t at, Mfn value) {
        store_field(guest.frames[table.number()], {at * width, width}, value.number());
    };
    for (std::size_t at = 0; at * per_frame < leaves.size(); ++at) {
        const Mfn mid = guest.new_frame();
        put(top, at, mid);
        for (std::size_t in = 0; in < per_frame && at * per_frame + in < leaves.size(); ++in) {
            put(mid, in, leaves[at * per_frame + in]);
        }
    }
    return {.max_pfn = max_pfn, .frame_list_list = top.number(), .cr3 = 0, .vaddr = 0};
}

TEST(P2mTree, IsFoundWithEveryLeafInBothWidths)
{
    for (const GuestAbi* abi : {&long64, &pae32}) {
        Guest guest;
        const std::uint64_t per_leaf = abi->entries_per_p2m_frame();
        const std::vector<Mfn> leaves = distinct_leaves(static_cast<std::size_t>(per_leaf) + 100);
        const std::uint64_t max_pfn = leaves.size() * per_leaf - 7;
        const P2mLayout found =
            discover_p2m(*abi, make_tree(guest, *abi, max_pfn, leaves), guest, nr_mfns);
        EXPECT_EQ(found.kind, P2mKind::frame_list_tree);
        EXPECT_EQ(found.highest, Pfn{max_pfn - 1});
        EXPECT_EQ(found.leaves, leaves);
    }
}

TEST(P2mTree, MissingTailIsCutButForItsFirstMid)
{
    Guest guest;
    P2mRoots roots = make_tree(guest, long64, 1024 * 512, distinct_leaves(1024));
    const std::uint64_t missing_mid =
        load<std::uint64_t>(guest.frames[roots.frame_list_list], 8);  // the second is taken for it
    for (std::size_t at = 2; at < 10; ++at) {
        guest.put(Mfn{roots.frame_list_list}, at * 8, missing_mid);
    }
    roots.max_pfn = 10 * 512 * 512;
    const P2mLayout found = discover_p2m(long64, roots, guest, nr_mfns);
    EXPECT_EQ(found.leaves, distinct_leaves(1024));
    EXPECT_EQ(found.highest, Pfn{1024 * 512 - 1});
}

TEST(P2mTree, EntriesAreChecked)
{
    Guest guest;
    P2mRoots roots = make_tree(guest, long64, 6000, distinct_leaves(12));
    const auto message = [&] {
        return message_of([&] { (void)discover_p2m(long64, roots, guest, nr_mfns); });
    };
    const Mfn top{roots.frame_list_list};
    const Mfn mid{load<std::uint64_t>(guest.frames[top.number()], 0)};
    guest.put(mid, 8 * 11, nr_mfns);
    EXPECT_EQ(message(), "p2m tree: entry 11 of the frame list, 0x100000 is no frame of this host");
    guest.put(mid, 8 * 11, 0);
    EXPECT_EQ(message(), "p2m tree: entry 11 of the frame list, 0 is no frame of this host");
    guest.put(top, 0, ~std::uint64_t{0});
    EXPECT_EQ(
        message(),
        "p2m tree: entry 0 of the frame list list, 0xffffffffffffffff is no frame of this host");
    roots.frame_list_list = 0;
    EXPECT_EQ(message(), "p2m tree: pfn_to_mfn_frame_list_list 0 is no frame of this host");
    roots.max_pfn = (1U << 27) + 1;
    EXPECT_EQ(message(), "p2m tree: 134217729 pfns are more than it can hold");
}

/// Every frame holds what a hash of its number says: mostly entries that may pass for good ones, never all of them.
class HostileGuest final : public GuestFrames {
public:
    explicit HostileGuest(std::uint64_t seed) : seed_{seed} {}

    [[nodiscard]] std::unique_ptr<FrameView> view(std::span<const Mfn> mfns) override
    {
        Octets octets(mfns.size() * page_size);
        for (std::size_t at = 0; at < octets.size(); at += 8) {
            store(std::span{octets}, at,
                  entry(mfns[at / page_size].number() * page_size + at % page_size));
        }
        return std::make_unique<CopiedView>(std::move(octets));
    }

private:
    [[nodiscard]] std::uint64_t entry(std::uint64_t address) const
    {
        // splitmix64
        std::uint64_t bits = address + seed_ * 0x9e37'79b9'7f4a'7c15;
        bits = (bits ^ bits >> 30) * 0xbf58'476d'1ce4'e5b9;
        bits = (bits ^ bits >> 27) * 0x94d0'49bb'1331'11eb;
        bits ^= bits >> 31;
        return bits % 100'000 == 0 ? bits : (bits % nr_mfns) << 12 | 0x67;
    }

    std::uint64_t seed_;
};

TEST(P2mDiscovery, HostileMemoryEndsInALayoutOrAnErrorOfTheGuests)
{
    unsigned found = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        const GuestAbi& abi = seed % 2 == 0 ? long64 : pae32;
        HostileGuest guest{seed};
        P2mRoots roots = list_roots(abi, 1 + seed * 7919, Mfn{1 + seed},
                                    (seed % 4 < 2 ? list_base : 0) + seed * 0x5000);
        roots.vaddr &= seed % 2 == 0 ? ~std::uint64_t{0} : 0x7fff'ffff;
        roots.frame_list_list = 1 + seed;
        roots.cr3 = seed % 3 == 0 ? 0 : roots.cr3;
        try {
            const P2mLayout layout = discover_p2m(abi, roots, guest, nr_mfns);
            ASSERT_FALSE(layout.leaves.empty());
            EXPECT_LT(layout.highest.number(), roots.max_pfn);
            EXPECT_LT(layout.highest.number() / abi.entries_per_p2m_frame(), layout.leaves.size());
            ++found;
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), Errc::guest) << e.what();
        }
    }
    EXPECT_GT(found, 20U);
    EXPECT_LT(found, 180U);
}

TEST(P2mFramePfns, AreThoseOfTheLeaves)
{
    // pfn 0 is mfn 3 and pfn 1 is mfn 2: the leaf frames.
    const Octets m2p_octets = octets_of_numbers({~std::uint64_t{0}, 0, 1, 0}, 8);
    const Octets leaf = octets_of_numbers({3, 2}, 8);
    const M2p m2p{m2p_octets};
    const GuestP2m p2m{long64, leaf, Pfn{1}};
    P2mLayout layout{.kind = P2mKind::linear_list, .highest = Pfn{1}, .leaves = {Mfn{2}, Mfn{3}}};
    EXPECT_EQ(p2m_frame_pfns(layout, {m2p, p2m}), (std::vector{Pfn{1}, Pfn{0}}));
    layout.leaves.push_back(Mfn{1});
    EXPECT_EQ(message_of([&] {
                  (void)p2m_frame_pfns(layout, {m2p, p2m});
              }),
              "p2m leaf 2: mfn 0x1 is not what the guest's p2m holds at its pfn");
}

TEST(P2mRoots, AreReadFromSharedInfoOfBothWidths)
{
    Page page{};
    store(std::span{page}, 3088, std::uint64_t{6000});
    store(std::span{page}, 3096, std::uint64_t{0x77});
    store(std::span{page}, 3112, std::uint64_t{0x1000});
    store(std::span{page}, 3120, list_base);
    const P2mRoots wide = read_p2m_roots(page, long64);
    EXPECT_EQ(wide.max_pfn, 6000U);
    EXPECT_EQ(wide.frame_list_list, 0x77U);
    EXPECT_EQ(wide.cr3, 0x1000U);
    EXPECT_EQ(wide.vaddr, list_base);

    page = Page{};
    for (unsigned at = 0; at < 6; ++at) {
        store(std::span{page}, 2316 + std::size_t{at} * 4, 0x8000'0000U + at);
    }
    const P2mRoots narrow = read_p2m_roots(page, pae32);
    EXPECT_EQ(narrow.max_pfn, 0x8000'0000U);
    EXPECT_EQ(narrow.frame_list_list, 0x8000'0001U);
    EXPECT_EQ(narrow.cr3, 0x8000'0003U);
    EXPECT_EQ(narrow.vaddr, 0x8000'0004U);
}

}  // namespace
}  // namespace sr
