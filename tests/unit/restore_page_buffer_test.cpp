// SPDX-License-Identifier: LGPL-2.1-or-later
// Pages kept for a checkpoint: the newest of each pfn, in memory that the guest's size bounds.
#include "libsr/mem/guest_abi.hpp"
#include "libsr/restore/page_buffer.hpp"
#include "libsr/wire/stream_writer.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

namespace sr {
namespace {

constexpr Pfn highest{200'000};

struct MadePage {
    std::uint64_t pfn;
    PageType type;
    unsigned fill = 0;
};

/// A stream of PAGE_DATA records. An HVM one needs nothing else.
class MadeStream {
public:
    MadeStream() { writer_.write_record(RecordType::static_data_end); }
    void add(std::span<const MadePage> pages)
    {
        for (; pages.size() > limits::pages_per_record;
             pages = pages.subspan(limits::pages_per_record)) {
            add(pages.first(limits::pages_per_record));
        }
        std::vector<PageEntry> entries;
        std::vector<Octets> contents;
        for (const MadePage& page : pages) {
            entries.push_back({Pfn{page.pfn}, page.type});
            if (has_contents(page.type)) {
                contents.emplace_back(page_size, static_cast<std::byte>(page.fill));
            }
        }
        std::vector<iovec> parts;
        for (const Octets& page : contents) {
            parts.push_back(iovec_of(std::span{page}));
        }
        writer_.write_page_data(entries, parts);
        ++nr_records_;
    }
    /// Has a buffer read all that was added.
    void into(PageBuffer& buffer, const RestoreP2m& p2m)
    {
        MemorySource source{sink_.octets()};
        StreamReader reader{source};
        (void)reader.next();
        reader.skip_body();
        for (; nr_records_ != 0; --nr_records_) {
            (void)reader.next();
            buffer.read(reader, reader.read_page_data_head(highest), p2m);
            reader.finish_body();
        }
    }

private:
    MemorySink sink_;
    StreamWriter writer_{sink_, DomainHeader{DomainType::x86_hvm, 4, 17}};
    unsigned nr_records_ = 0;
};

class PageBuffering : public testing::Test {
protected:
    void read(const std::vector<std::vector<MadePage>>& records)
    {
        MadeStream stream;
        for (const auto& record : records) {
            stream.add(record);
        }
        stream.into(buffer_, p2m_);
    }
    /// The fill of a page's contents.
    [[nodiscard]] unsigned fill_of(std::uint64_t pfn) const
    {
        const auto contents = buffer_.find(Pfn{pfn})->contents;
        EXPECT_EQ(contents.size(), page_size);
        EXPECT_EQ(contents.front(), contents.back());
        return std::to_integer<unsigned>(contents.front());
    }

    RestoreP2m p2m_{guest_abi(GuestWidth::bits64), highest};
    PageBuffer buffer_{10};
};

TEST_F(PageBuffering, KeepsTheNewestOfEachPfn)
{
    read({{{7, PageType::notab, 1}, {5, PageType::l1, 2}},
          {{5, PageType::notab, 3}},
          {{9, PageType::notab, 4}, {9, PageType::l2_pinned, 5}}});
    EXPECT_EQ(fill_of(7), 1U);
    EXPECT_EQ(fill_of(5), 3U);
    EXPECT_EQ(buffer_.find(Pfn{5})->entry.type, PageType::notab);
    EXPECT_EQ(fill_of(9), 5U);
    EXPECT_EQ(buffer_.find(Pfn{9})->entry.type, PageType::l2_pinned);
    EXPECT_FALSE(buffer_.find(Pfn{6}));
    std::vector<std::uint64_t> order;
    buffer_.for_each(
        [&](const PageBuffer::Page& page) { order.push_back(page.entry.pfn.number()); });
    EXPECT_EQ(order, (std::vector<std::uint64_t>{5, 7, 9}));
}

/// A place that is free again may go to another pfn while the octets that were to go there have not even been read.
TEST_F(PageBuffering, GivesPlacesAwayWithinARecord)
{
    p2m_.set_type(Pfn{1}, PageType::notab);
    read({{{1, PageType::notab, 11},
           {1, PageType::xtab},
           {2, PageType::notab, 12},
           {1, PageType::notab, 13},
           {2, PageType::xalloc},
           {3, PageType::notab, 14}}});
    EXPECT_EQ(fill_of(1), 13U);
    EXPECT_EQ(buffer_.find(Pfn{2})->entry.type, PageType::xalloc);
    EXPECT_TRUE(buffer_.find(Pfn{2})->contents.empty());
    EXPECT_EQ(fill_of(3), 14U);
}

TEST_F(PageBuffering, RemembersHolesOnlyWhereSomethingWas)
{
    p2m_.set_type(Pfn{20}, PageType::notab);
    p2m_.set_mfn(Pfn{21}, Mfn{77});
    p2m_.set_type(Pfn{22}, PageType::xtab);
    read(
        {{{19, PageType::xtab}, {20, PageType::xtab}, {21, PageType::xtab}, {22, PageType::xtab}}});
    EXPECT_FALSE(buffer_.find(Pfn{19}));
    EXPECT_FALSE(buffer_.find(Pfn{22}));
    EXPECT_TRUE(buffer_.find(Pfn{20}));
    EXPECT_TRUE(buffer_.find(Pfn{21}));
}

TEST_F(PageBuffering, HoldsNoMoreThanTheDomainMayOwn)
{
    std::vector<MadePage> ten;
    for (std::uint64_t pfn = 0; pfn < 10; ++pfn) {
        ten.push_back({pfn * 1000, PageType::notab, 1});
    }
    for (int round = 0; round < 50; ++round) {
        read({ten});
    }
    const std::size_t held = buffer_.octets_held();
    EXPECT_LE(held, std::size_t{2} << 20);
    read({{{0, PageType::broken}, {1, PageType::notab, 2}}});
    EXPECT_EQ(buffer_.octets_held(), held);
    EXPECT_EQ(test::error_of([&] { read({{{50, PageType::notab, 2}}}); }), Errc::limit);
}

/// Such pages cost their sender 8 octets each.
TEST_F(PageBuffering, CountsPagesWithoutContentsToo)
{
    std::vector<MadePage> pages(11);
    for (std::uint64_t i = 0; i < pages.size(); ++i) {
        pages[i] = {i, PageType::xalloc};
    }
    EXPECT_EQ(test::error_of([&] { read({pages}); }), Errc::limit);
    buffer_.clear();
    pages[10].type = PageType::broken;
    read({pages});
    pages[9].type = PageType::xtab;
    pages[10].type = PageType::notab;
    read({pages});
    EXPECT_EQ(test::error_of([&] { read({{{9, PageType::xalloc}}}); }), Errc::limit);
}

TEST_F(PageBuffering, TakesNoMoreBrokenPagesThanAnyHostHas)
{
    std::vector<MadePage> pages(limits::broken_pages_max);
    for (std::uint64_t i = 0; i < pages.size(); ++i) {
        pages[i] = {i, PageType::broken};
    }
    read({pages, pages});
    EXPECT_EQ(test::error_of([&] { read({{{pages.size(), PageType::broken}}}); }), Errc::limit);
}

/// Each pfn that was named takes memory, also after it is a hole again.
TEST_F(PageBuffering, TakesNoMoreNamesThanCanComeAndGo)
{
    constexpr std::uint64_t most = 2 * (10 + limits::broken_pages_max) + 1;
    RestoreP2m p2m{guest_abi(GuestWidth::bits64), Pfn{most}};
    std::vector<MadePage> pages;
    for (std::uint64_t pfn = 0; pfn < most; ++pfn) {
        pages.push_back({pfn, PageType::xalloc});
        pages.push_back({pfn, PageType::xtab});
    }
    MadeStream stream;
    stream.add(pages);
    stream.into(buffer_, p2m);
    MadeStream more;
    more.add(std::vector<MadePage>{{most, PageType::xalloc}});
    EXPECT_EQ(test::error_of([&] { more.into(buffer_, p2m); }), Errc::limit);
}

TEST_F(PageBuffering, ForgetsAllForTheNextCheckpoint)
{
    read({{{1, PageType::notab, 1}, {2, PageType::broken}}});
    EXPECT_FALSE(buffer_.empty());
    buffer_.clear();
    EXPECT_TRUE(buffer_.empty());
    EXPECT_FALSE(buffer_.find(Pfn{1}));
    read({{{3, PageType::notab, 9}}});
    EXPECT_EQ(fill_of(3), 9U);
    EXPECT_FALSE(buffer_.find(Pfn{2}));
}

}  // namespace
}  // namespace sr
