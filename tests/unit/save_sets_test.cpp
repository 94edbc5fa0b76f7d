// SPDX-License-Identifier: LGPL-2.1-or-later
// What is still to be sent, as what each page was sent, and what of that is no longer true.
#include "libsr/save/moved_pages.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using Numbers = std::vector<std::uint64_t>;

constexpr std::uint64_t invalid = ~std::uint64_t{0};
constexpr std::uint64_t foreign = std::uint64_t{1} << 63;

/// All that is wanted, in the order in which it comes, so many at a time.
Numbers taken(DirtySets& sets, std::size_t at_a_time = 3)
{
    Numbers all;
    std::vector<Pfn> batch;
    for (std::optional<Pfn> from{0}; from;) {
        from = sets.take(*from, at_a_time, batch);
        for (const Pfn pfn : batch) {
            all.push_back(pfn.number());
        }
    }
    return all;
}

TEST(DirtySets, WantEachPageOnce)
{
    DirtySets sets{70};
    sets.want(Pfn{69});
    sets.want(Pfn{3});
    const std::uint64_t words[] = {0b1010, ~std::uint64_t{0}};  // past the end too, as Xen may say
    sets.want(words);
    EXPECT_EQ(sets.nr_to_send(), 8U);
    EXPECT_EQ(taken(sets), (Numbers{1, 3, 64, 65, 66, 67, 68, 69}));
    EXPECT_EQ(taken(sets), Numbers{});
}

TEST(DirtySets, KeepDeferredPagesUntilTheyAreWanted)
{
    DirtySets sets{10};
    sets.defer(Pfn{4});
    sets.defer(Pfn{7});
    sets.want(Pfn{5});
    EXPECT_EQ(sets.nr_deferred(), 2U);
    EXPECT_EQ(taken(sets), (Numbers{5}));
    sets.want(Pfn{7});
    sets.want_deferred();
    EXPECT_EQ(sets.nr_deferred(), 0U);
    EXPECT_EQ(taken(sets), (Numbers{4, 7}));
}

TEST(DirtySets, GrowWithoutWantingMore)
{
    DirtySets sets{10};
    sets.want_all();
    sets.defer(Pfn{9});
    sets.grow(1000);
    EXPECT_EQ(sets.nr_pfns(), 1000U);
    EXPECT_EQ(sets.nr_to_send(), 10U);
    sets.defer(Pfn{999});
    (void)taken(sets);
    sets.want_deferred();
    EXPECT_EQ(taken(sets), (Numbers{9, 999}));
}

TEST(SentPages, KnowFrameAndTypeOfTheLastTime)
{
    SentPages sent;
    EXPECT_EQ(sent.type_of(Pfn{5}), std::nullopt);
    EXPECT_TRUE(sent.is_there(Pfn{5}, std::nullopt)) << "nothing was sent, and there is nothing";
    EXPECT_FALSE(sent.is_there(Pfn{5}, Mfn{0x77}));

    sent.note(Pfn{5}, Mfn{0x77}, PageType::l4_pinned);
    EXPECT_EQ(sent.type_of(Pfn{5}), PageType::l4_pinned);
    EXPECT_TRUE(sent.is_there(Pfn{5}, Mfn{0x77}));
    EXPECT_FALSE(sent.is_there(Pfn{5}, Mfn{0x78}));
    EXPECT_FALSE(sent.is_there(Pfn{5}, std::nullopt));
    EXPECT_EQ(sent.nr_with_contents(), 1U);

    sent.note(Pfn{5}, Mfn{0x78}, PageType::notab);
    EXPECT_EQ(sent.nr_with_contents(), 1U);
    EXPECT_TRUE(sent.is_there(Pfn{5}, Mfn{0x78}));

    sent.note(Pfn{5}, std::nullopt, PageType::xtab);
    EXPECT_EQ(sent.nr_with_contents(), 0U);
    EXPECT_TRUE(sent.is_there(Pfn{5}, std::nullopt));
    EXPECT_FALSE(sent.is_there(Pfn{5}, Mfn{0x78}));
    EXPECT_EQ(sent.type_of(Pfn{5}), PageType::xtab);
}

TEST(SentPages, TakeEveryFrameAndPfnThatThereIs)
{
    SentPages sent;
    const Mfn highest{(std::uint64_t{1} << 52) - 1};
    sent.note(Pfn{limits::pv_pfn_max}, highest, PageType::broken);
    EXPECT_TRUE(sent.is_there(Pfn{limits::pv_pfn_max}, highest));
    EXPECT_EQ(sent.type_of(Pfn{limits::pv_pfn_max}), PageType::broken);
    EXPECT_EQ(sent.nr_with_contents(), 0U);
}

/// A guest whose p2m is one leaf that begins with these entries.
class SmallGuest {
public:
    explicit SmallGuest(std::initializer_list<std::uint64_t> entries)
    {
        std::fill(leaf_.begin(), leaf_.end(), std::byte{0xff});
        std::uint64_t pfn = 0;
        for (const std::uint64_t entry : entries) {
            store(std::span{leaf_}, pfn++ * 8, entry);
        }
    }
    [[nodiscard]] const GuestP2m& operator*() const { return p2m_; }

private:
    Page leaf_{};
    GuestP2m p2m_{guest_abi(GuestWidth::bits64), leaf_, Pfn{511}};
};

/// Pfns 0 to 3 with frames 0x100 to 0x103, 3 as a table; 5 and 6 with nothing.
SentPages some_sent()
{
    SentPages sent;
    for (const std::uint64_t pfn : {0U, 1U, 2U}) {
        sent.note(Pfn{pfn}, Mfn{0x100 + pfn}, PageType::notab);
    }
    sent.note(Pfn{3}, Mfn{0x103}, PageType::l1);
    sent.note(Pfn{5}, std::nullopt, PageType::xtab);
    sent.note(Pfn{6}, Mfn{0x106}, PageType::xtab);
    return sent;
}

TEST(MovedPages, AreThoseWithAnotherFrameOrNone)
{
    DirtySets sets{512};
    //                     another,    gone, mapped by grant, new,   still none, as sent, never there
    const SmallGuest guest{0x120, invalid, foreign | 0x102, 0x103, 0x104, invalid, 0x106, invalid};
    EXPECT_EQ(want_moved(*guest, some_sent(), sets), 4U);
    EXPECT_EQ(taken(sets), (Numbers{0, 1, 2, 4}));
}

TEST(MovedPages, AreNoneIfAllIsWhereItWas)
{
    DirtySets sets{512};
    const SmallGuest guest{0x100, 0x101, 0x102, 0x103, invalid, invalid, 0x106};
    EXPECT_EQ(want_moved(*guest, some_sent(), sets), 0U);
    EXPECT_EQ(taken(sets), Numbers{});
}

TEST(MovedPages, AreGonePastTheEndOfTheP2m)
{
    SentPages sent;
    sent.note(Pfn{600}, Mfn{0x100}, PageType::notab);
    DirtySets sets{601};
    EXPECT_EQ(want_moved(*SmallGuest{invalid}, sent, sets), 1U);
    EXPECT_EQ(taken(sets), (Numbers{600}));
}

TEST(SentTables, AreWantedAllOfThem)
{
    SentPages sent = some_sent();
    sent.note(Pfn{4}, Mfn{0x104}, PageType::l4_pinned);
    sent.note(Pfn{4}, Mfn{0x104},
              PageType::notab);  // was one, and its reader knows that it is none
    sent.note(Pfn{7}, Mfn{0x107}, PageType::l2_pinned);
    DirtySets sets{512};
    EXPECT_EQ(want_tables(sent, sets), 2U);
    EXPECT_EQ(taken(sets), (Numbers{3, 7}));
}

TEST(DirtyLogWords, AreLookedAtForCertainPages)
{
    const std::uint64_t words[] = {0b1010, std::uint64_t{1} << 63};
    const Pfn dirty[] = {Pfn{0}, Pfn{127}};
    const Pfn clean[] = {Pfn{0}, Pfn{2}, Pfn{64}, Pfn{126}, Pfn{128}, Pfn{limits::pv_pfn_max}};
    EXPECT_TRUE(any_dirty(words, dirty));
    EXPECT_FALSE(any_dirty(words, clean));
    EXPECT_FALSE(any_dirty(words, {}));
}

TEST(DemotedPages, AreTablesThatWereSentAndAreNone)
{
    SentPages sent;
    sent.note(Pfn{1}, Mfn{0x101}, PageType::l4_pinned);
    sent.note(Pfn{2}, Mfn{0x102}, PageType::l1);  // still called so, and nothing leads there
    sent.note(Pfn{3}, Mfn{0x103}, PageType::l1);  // has become memory without being written to
    sent.note(Pfn{4}, Mfn{0x104}, PageType::notab);
    TableReach tables{guest_abi(GuestWidth::bits64), Pfn{9}};
    tables.note(Pfn{1}, PageType::l4_pinned);
    tables.note(Pfn{2}, PageType::l1);
    tables.note(Pfn{3}, PageType::notab);
    tables.note(Pfn{4}, PageType::notab);
    DirtySets sets{10};
    EXPECT_EQ(want_demoted(tables, sent, sets), 2U);
    EXPECT_EQ(taken(sets), (Numbers{2, 3}));
}

}  // namespace
}  // namespace sr
