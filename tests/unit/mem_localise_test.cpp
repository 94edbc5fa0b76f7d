// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables on their way in: one table of literals for each rule.
#include "libsr/mem/localise.hpp"
#include "libsr/mem/normalise.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);
constexpr Pfn highest{0x1ff};

/// pfn n is mfn 0x800000 + n; odd ones past 0x100 have no frame.
std::optional<Mfn> lookup(Pfn pfn)
{
    if (pfn > Pfn{0x100} && pfn.number() % 2 == 1) {
        return std::nullopt;
    }
    return Mfn{0x80'0000 + pfn.number()};
}

TableOutcome localise(Page& table, PageType type, const GuestAbi& abi = long64)
{
    return localise_table(table, type, abi, highest, lookup);
}

TEST(LocaliseTable, PresentEntriesGetTheMfnAndKeepEveryFlag)
{
    Page table = table_of({{0, 0x1}, {1, 0x20fe}, {511, 0xfff0'0000'001f'eeff}});
    ASSERT_TRUE(localise(table, PageType::l1_pinned));
    EXPECT_EQ(entry_of(table, 0), 0x8'0000'0001U);
    EXPECT_EQ(entry_of(table, 1), 0x20feU) << "not present";
    EXPECT_EQ(entry_of(table, 2), 0U);
    EXPECT_EQ(entry_of(table, 511), 0xfff0'0008'001f'eeffU);
}

// upstream.md, defect C: the stock engine stops at an assert.
TEST(LocaliseTable, DefectC_APfnPastTheHighestIsAFault)
{
    for (const std::uint64_t pfn : {std::uint64_t{0x200}, Pte<Pfn>::highest_frame}) {
        Page table = table_of({{3, 0x1067}, {4, pfn << 12 | 0x67}});
        const TableOutcome outcome = localise(table, PageType::l1);
        EXPECT_EQ(outcome.fault, TableFault::past_highest);
        EXPECT_EQ(outcome.slot, 4U);
        EXPECT_EQ(outcome.frame, pfn);
        EXPECT_TRUE(outcome.from_stream);
    }
    Page table = table_of({{4, 0x1f'e067}});
    EXPECT_TRUE(localise(table, PageType::l1)) << "the highest but one";
}

TEST(LocaliseTable, APfnWithoutAFrameIsAFault)
{
    Page table = table_of({{8, 0x10'1067}});
    const TableOutcome outcome = localise(table, PageType::l2);
    EXPECT_EQ(outcome.fault, TableFault::no_frame);
    EXPECT_EQ(outcome.slot, 8U);
    EXPECT_EQ(outcome.frame, 0x101U);
    const Error error = to_error(outcome, Pfn{9}, PageType::l2);
    EXPECT_EQ(error.code(), Errc::malformed);
    EXPECT_STREQ(error.what(),
                 "L2TAB pfn 0x9: slot 8 (0x101067) holds pfn 0x101, which has no frame");
}

TEST(LocaliseTable, SuperpagesAndForeignLevelsAreRefused)
{
    Page table = table_of({{8, 0x10'00e7}});
    EXPECT_EQ(localise(table, PageType::l3).fault, TableFault::superpage);
    EXPECT_TRUE(localise(table, PageType::l1)) << "PAT";
    EXPECT_EQ(localise(table, PageType::l4, pae32).fault, TableFault::not_a_table);
    EXPECT_EQ(localise(table, PageType::notab).fault, TableFault::not_a_table);
}

TEST(LocaliseTable, XensSlotsAreNotLookedAt)
{
    Page table = table_of({{255, 0x1067}, {256, 0xfff'fff0'0067}, {271, 0xe7}, {272, 0x2067}});
    ASSERT_TRUE(localise(table, PageType::l4));
    EXPECT_EQ(entry_of(table, 255), 0x8'0000'1067U);
    EXPECT_EQ(entry_of(table, 256), 0xfff'fff0'0067U);
    EXPECT_EQ(entry_of(table, 272), 0x8'0000'2067U);
    Page pae = table_of({{3, 0x1001}, {4, 0xfff'fff0'0067}});
    ASSERT_TRUE(localise(pae, PageType::l3, pae32));
    EXPECT_EQ(entry_of(pae, 3), 0x8'0000'1001U);
}

TEST(LocaliseTable, AFrameThatWouldSpillIntoFlagsIsAnError)
{
    Page table = table_of({{0, 0x1}});
    EXPECT_EQ(error_of([&] {
                  (void)localise_table(table, PageType::l1, long64, highest, [](Pfn) {
                      return std::optional{Mfn{std::uint64_t{1} << 40}};
                  });
              }),
              Errc::limit);
}

TEST(ForEachTarget, NamesWhatThePresentEntriesMap)
{
    std::vector<Pfn> targets;
    const auto collect = [&](Pfn pfn) { targets.push_back(pfn); };
    const Page table = table_of({{0, 0x5067}, {1, 0x6066}, {2, 0x5001}, {511, 0x1f'f067}});
    ASSERT_TRUE(for_each_target(table, PageType::l1, long64, highest, collect));
    EXPECT_EQ(targets, (std::vector{Pfn{5}, Pfn{5}, Pfn{0x1ff}}));
    EXPECT_EQ(
        for_each_target(table_of({{6, 0x20'0067}}), PageType::l1, long64, highest, collect).fault,
        TableFault::past_highest);
}

/// Machine frames back to what lookup() translated them from.
struct Back {
    [[nodiscard]] PfnOrWhy pfn_of(Mfn mfn) const
    {
        return {Pfn{mfn.number() - 0x80'0000}, NoPfn::none};
    }
    void prefetch(Mfn) const {}
};

TEST(LocaliseTable, IsTheReverseOfNormalise)
{
    for (const PageType type : {PageType::l1, PageType::l2, PageType::l3, PageType::l4}) {
        Page original{};
        for (unsigned slot = 0; slot < entries_per_table; slot += 3) {
            if (slot < 256 || slot > 271) {
                const std::uint64_t flags = slot % 2 == 0 ? 0x8010'0000'0000'0067 : 0x66;
                store(std::span{original}, slot * std::size_t{8},
                      flags | std::uint64_t{slot / 2} << 12);
            }
        }
        Page table = original;
        const auto everywhere = [](Pfn pfn) {
            return std::optional{Mfn{0x80'0000 + pfn.number()}};
        };
        ASSERT_TRUE(localise_table(table, type, long64, highest, everywhere));
        EXPECT_NE(table, original);
        Page back{};
        ASSERT_TRUE(normalise_table(table, back, type, long64, std::nullopt, Back{}));
        EXPECT_EQ(back, original);
    }
}

}  // namespace
}  // namespace sr
