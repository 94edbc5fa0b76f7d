// SPDX-License-Identifier: LGPL-2.1-or-later
// Checkpoints of a guest that has all the memory it may have.
#include "tests/system/remus_restore.hpp"

#include <stdexcept>

namespace sr::test {
namespace {

/// A guest that has all the memory it may have gives some back, and takes as much elsewhere, between two checkpoints.
class RemusRestoreAtTheLimit : public RemusRestore {
protected:
    void SetUp() override
    {
        RemusRestore::SetUp();
        ASSERT_EQ(restore(saves_.back(), SR_STREAM_PLAIN), 0) << error_.message;
        nr_needed_ = nr_pages();
        const StreamPages guest = pages_of(split(saves_.back()));
        for (std::uint64_t pfn = 0; pfn < guest.rbegin()->first; ++pfn) {
            if (!guest.contains(pfn)) {
                holes_[pfn] = {PageType::xtab, {}};
            }
        }
        ASSERT_GE(holes_.size(), 10U);
        for (const auto& [pfn, hole] : holes_) {
            const bool is_first = some_.size() < holes_.size() / 2;
            some_[pfn] = is_first ? StreamPage{PageType::notab, Octets(page_size)} : hole;
            others_[pfn] = is_first ? hole : StreamPage{PageType::notab, Octets(page_size)};
        }
        constexpr std::uint64_t kib_per_page = 4;
        constexpr std::uint64_t slack_kib = 1024;  // that a toolstack adds
        memory_kib_ = (nr_needed_ + holes_.size() / 2 + 1) * kib_per_page - slack_kib;
    }

    /// A level 1 table of the guest's that has room for all of those pages: as it is, and naming them.
    struct Table {
        std::uint64_t pfn;
        StreamPage as_it_is;
        StreamPage naming;
    };
    [[nodiscard]] Table table_naming_some() const
    {
        for (const auto& [pfn, page] : pages_of(split(saves_.back()))) {
            if (page.type != PageType::l1) {
                continue;
            }
            StreamPage naming = page;
            std::size_t slot = 0;
            for (const auto& [named, what] : some_) {
                while (slot < page_size && load<std::uint64_t>(page.contents, slot) != 0) {
                    slot += sizeof(std::uint64_t);
                }
                if (what.type == PageType::notab && slot < page_size) {
                    store<std::uint64_t>(naming.contents, slot, named << 12 | 0x65U);
                    slot += sizeof(std::uint64_t);
                }
            }
            if (slot < page_size) {
                return {pfn, page, naming};
            }
        }
        throw std::runtime_error{"no table has that much room"};
    }
    static StreamPages both(StreamPages pages, std::uint64_t pfn, const StreamPage& page)
    {
        pages[pfn] = page;
        return pages;
    }
    void expect_is_whole()
    {
        EXPECT_EQ(calls_of_checkpoint(), nr_saves);
        EXPECT_EQ(nr_pages(), nr_needed_);
        EXPECT_TRUE(log_has("fails over to checkpoint 3"));
        expect_lives_on_from(nr_saves - 1);
    }

    std::uint64_t nr_needed_ = 0;
    StreamPages holes_;
    StreamPages some_;    ///< of the holes, the first half pages
    StreamPages others_;  ///< and the second
};

TEST_F(RemusRestoreAtTheLimit, FramesOfPagesThatAreGoneServeNewOnes)
{
    ASSERT_EQ(restore(with_more_pages({some_, others_, holes_}), SR_STREAM_REMUS), 0)
        << error_.message;
    expect_is_whole();
}

/// A guest that gives a page back takes it out of the table that maps it. Until that comes in place, the table of the
/// checkpoint before names the frame.
TEST_F(RemusRestoreAtTheLimit, FramesThatTablesNameNoMoreServeNewOnes)
{
    const Table table = table_naming_some();
    ASSERT_EQ(restore(with_more_pages({both(some_, table.pfn, table.naming),
                                       both(others_, table.pfn, table.as_it_is), holes_}),
                      SR_STREAM_REMUS),
              0)
        << error_.message;
    expect_is_whole();
}

/// Frames that a table goes on naming cannot be had, which is to be found out while there is a guest to go back to.
TEST_F(RemusRestoreAtTheLimit, ACheckpointThatLacksFramesReplacesNone)
{
    const Table table = table_naming_some();
    ASSERT_EQ(restore(with_more_pages({both(some_, table.pfn, table.naming), others_, {}}),
                      SR_STREAM_REMUS),
              0)
        << error_.message;
    EXPECT_TRUE(log_has("with more pages than"));
    EXPECT_TRUE(log_has("fails over to checkpoint 1"));
}

}  // namespace
}  // namespace sr::test
