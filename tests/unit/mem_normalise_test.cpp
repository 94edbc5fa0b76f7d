// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables on their way out: one table of literals for each rule.
#include "libsr/mem/normalise.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

/// mfn 0x100 + n is pfn n, for n up to 0xff; 0x200 is in no M2P, 0x201 past the p2m, all others
/// another domain's.
struct Hundreds {
    [[nodiscard]] PfnOrWhy pfn_of(Mfn mfn) const
    {
        if (mfn.number() >= 0x100 && mfn.number() < 0x200) {
            return {Pfn{mfn.number() - 0x100}, NoPfn::none};
        }
        if (mfn == Mfn{0x200}) {
            return {Pfn{0}, NoPfn::no_m2p_entry};
        }
        return {Pfn{7}, mfn == Mfn{0x201} ? NoPfn::past_p2m : NoPfn::p2m_disagrees};
    }
    void prefetch(Mfn) const {}
};

/// A page that no rule leaves as it is.
Page rubbish()
{
    Page page;
    page.fill(std::byte{0x5a});
    return page;
}

TableOutcome normalise(const Page& from, Page& to, PageType type, const GuestAbi& abi = long64,
                       std::optional<Mfn> compat_m2p = std::nullopt)
{
    return normalise_table(from, to, type, abi, compat_m2p, Hundreds{});
}

TEST(NormaliseTable, PresentEntriesGetThePfnAndKeepEveryFlag)
{
    for (const PageType type :
         {PageType::l1, PageType::l1_pinned, PageType::l2, PageType::l3_pinned}) {
        SCOPED_TRACE(to_string(type));
        // All flags but PSE (bit 7), which the next test has.
        Page to = rubbish();
        const TableOutcome outcome = normalise(
            table_of({{0, 0x0000'0000'0010'0001}, {511, 0xfff0'0000'001f'ff7f}}), to, type);
        ASSERT_TRUE(outcome);
        EXPECT_EQ(entry_of(to, 0), 0x1U);
        EXPECT_EQ(entry_of(to, 1), 0U);
        EXPECT_EQ(entry_of(to, 511), 0xfff0'0000'000f'ff7fU);
    }
}

TEST(NormaliseTable, PatOfALevelOneEntryIsAFlag)
{
    Page to = rubbish();
    ASSERT_TRUE(normalise(table_of({{3, 0x10'50e7}}), to, PageType::l1));
    EXPECT_EQ(entry_of(to, 3), 0x50e7U);
}

TEST(NormaliseTable, EntriesThatAreNotPresentStayAsTheyAre)
{
    // A swap entry of the guest's: its "frame" means nothing.
    Page to = rubbish();
    ASSERT_TRUE(normalise(table_of({{5, 0xdead'beef'0020'00fe}}), to, PageType::l2));
    EXPECT_EQ(entry_of(to, 5), 0xdead'beef'0020'00feU);
}

TEST(NormaliseTable, XensSlotsOfA64BitL4AreZeroed)
{
    Page from{};
    for (const unsigned slot : {255U, 256U, 271U, 272U}) {
        store(std::span{from}, slot * std::size_t{8},
              std::uint64_t{0x10'0067 + slot * 0x1000 - 0xff000});
    }
    store(std::span{from}, std::size_t{260} * 8,
          std::uint64_t{0x9'9999'90e7});  // not ours, and PSE
    Page to = rubbish();
    ASSERT_TRUE(normalise(from, to, PageType::l4_pinned));
    EXPECT_EQ(entry_of(to, 255), 0x67U);
    for (unsigned slot = 256; slot <= 271; ++slot) {
        EXPECT_EQ(entry_of(to, slot), 0U) << slot;
    }
    EXPECT_EQ(entry_of(to, 272), 0x1'1067U);
}

TEST(NormaliseTable, LowerTablesOfA64BitGuestHaveNoSlotsOfXens)
{
    for (const PageType type : {PageType::l1, PageType::l2, PageType::l3}) {
        Page to = rubbish();
        ASSERT_TRUE(normalise(table_of({{256, 0x10'3067}, {428, 0x10'4067}}), to, type, long64,
                              Mfn{0x104}));
        EXPECT_EQ(entry_of(to, 256), 0x3067U);
        EXPECT_EQ(entry_of(to, 428), 0x4067U);
    }
}

TEST(NormaliseTable, A32BitL3HasFourSlots)
{
    Page to = rubbish();
    ASSERT_TRUE(normalise(table_of({{3, 0x10'3001}, {4, 0x9'9990'1001}, {511, 0x9'9990'2001}}), to,
                          PageType::l3_pinned, pae32));
    EXPECT_EQ(entry_of(to, 3), 0x3001U);
    EXPECT_EQ(entry_of(to, 4), 0U);
    EXPECT_EQ(entry_of(to, 511), 0U);
}

TEST(NormaliseTable, A32BitL2ThatMapsTheCompatM2pLosesXensSlots)
{
    const Page from =
        table_of({{427, 0x10'1067}, {428, 0x77'7067}, {429, 0x77'80e7}, {511, 0x66'6067}});
    Page to = rubbish();
    ASSERT_TRUE(normalise(from, to, PageType::l2, pae32, Mfn{0x777}));
    EXPECT_EQ(entry_of(to, 427), 0x1067U);
    for (const unsigned slot : {428U, 429U, 511U}) {
        EXPECT_EQ(entry_of(to, slot), 0U);
    }
}

TEST(NormaliseTable, A32BitL2ThatDoesNotKeepsThem)
{
    const Page from = table_of({{428, 0x10'1067}, {511, 0x10'2067}});
    Page to = rubbish();
    ASSERT_TRUE(normalise(from, to, PageType::l2, pae32, Mfn{0x777}));
    EXPECT_EQ(entry_of(to, 428), 0x1067U);
    EXPECT_EQ(entry_of(to, 511), 0x2067U);
    ASSERT_TRUE(normalise(from, to, PageType::l2, pae32)) << "a host without a compat M2P";
    EXPECT_EQ(entry_of(to, 428), 0x1067U);
}

TEST(NormaliseTable, SuperpagesAreRefusedAboveLevelOne)
{
    for (const PageType type : {PageType::l2, PageType::l3, PageType::l4}) {
        SCOPED_TRACE(to_string(type));
        Page to{};
        const TableOutcome outcome = normalise(table_of({{9, 0x10'00e7}}), to, type);
        EXPECT_EQ(outcome.fault, TableFault::superpage);
        EXPECT_EQ(outcome.slot, 9U);
        EXPECT_EQ(outcome.frame, 0x100U);
    }
}

TEST(NormaliseTable, TypesThatAreNoTableOfTheGuestAreRefused)
{
    Page to{};
    EXPECT_EQ(normalise(Page{}, to, PageType::l4, pae32).fault, TableFault::not_a_table);
    EXPECT_EQ(normalise(Page{}, to, PageType::l4_pinned, pae32).fault, TableFault::not_a_table);
    EXPECT_EQ(normalise(Page{}, to, PageType::notab).fault, TableFault::not_a_table);
    EXPECT_EQ(normalise(Page{}, to, PageType::xtab).fault, TableFault::not_a_table);
}

// upstream.md, defect B, the pure part: an entry that does not translate is reported, whole, and
// left to the engine to judge.
TEST(NormaliseTable, DefectB_AnEntryThatDoesNotTranslateIsNamed)
{
    struct Row {
        std::uint64_t entry;
        TableFault fault;
    };
    for (const Row& row : {Row{0x8000'0000'0020'0067, TableFault::no_m2p_entry},
                           Row{0x0000'0000'0020'1067, TableFault::past_p2m},
                           Row{0x000f'ffff'ffff'f067, TableFault::p2m_disagrees}}) {
        Page to = rubbish();
        const TableOutcome outcome = normalise(
            table_of({{0, 0x10'0067}, {77, row.entry}, {78, row.entry}}), to, PageType::l1);
        EXPECT_FALSE(outcome);
        EXPECT_EQ(outcome.fault, row.fault);
        EXPECT_EQ(outcome.slot, 77U);
        EXPECT_EQ(outcome.entry, row.entry);
        EXPECT_EQ(outcome.frame, Pte<Mfn>{row.entry}.frame().number());
        EXPECT_FALSE(outcome.from_stream);
    }
}

TEST(NormaliseTable, FaultsReadAsOneSentence)
{
    Page to{};
    const TableOutcome outcome =
        normalise(table_of({{17, 0x8000'0000'0020'0067}}), to, PageType::l1_pinned);
    EXPECT_EQ(describe(outcome, Pfn{0x1234}, PageType::l1_pinned),
              "L1TAB pinned pfn 0x1234: slot 17 (0x8000000000200067) holds mfn 0x200, which has no "
              "entry in Xen's M2P; if it is a device's memory or Xen's, detach the devices passed "
              "through to the guest");
    EXPECT_EQ(
        describe(normalise(table_of({{0, 0x30'0065}}), to, PageType::l1), Pfn{1}, PageType::l1),
        "L1TAB pfn 0x1: slot 0 (0x300065) holds mfn 0x300, which is not what the guest's p2m holds "
        "at "
        "its pfn; if it is another domain's, mapped by grant, detach the devices that the guest "
        "serves "
        "to others");
    const Error error = to_error(outcome, Pfn{0x1234}, PageType::l1_pinned);
    EXPECT_EQ(error.code(), Errc::guest);
    EXPECT_EQ(error.pfn(), 0x1234U);
    EXPECT_EQ(
        describe(normalise(table_of({{0, 0x10'00e7}}), to, PageType::l2), Pfn{1}, PageType::l2),
        "L2TAB pfn 0x1: slot 0 (0x1000e7) holds mfn 0x100, as a superpage, which cannot be moved; "
        "shut the guest down and start it without superpages");
    EXPECT_EQ(describe(normalise(Page{}, to, PageType::l4, pae32), Pfn{1}, PageType::l4),
              "L4TAB pfn 0x1 is no page table of this guest");
}

}  // namespace
}  // namespace sr
