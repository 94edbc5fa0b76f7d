// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that move between pfns while a guest is saved, or are away for a while. The pages that come again behind VERIFY are the truth.
#include "tests/system/checkpoints.hpp"
#include "tests/system/live_guest.hpp"
#include "tests/system/outside_p2m.hpp"

namespace sr::test {
namespace {

/// A guest that does next to nothing by itself.
class LiveMoves : public LiveGuest {
protected:
    static constexpr std::uint64_t hole = ~std::uint64_t{0};

    void SetUp() override
    {
        start_guest({"--no-balloon", "--no-tables", "--dirty-rate", "0"}, "24M");
        decide_once(1, [] {});
    }
    /// Two rounds. @param act  what happens after the first, or the second
    void decide_once(std::uint32_t nr_rounds, const std::function<void()>& act)
    {
        toolstack_.decide = [=](const sr_precopy_stats& stats) {
            if (stats.iteration == nr_rounds && stats.dirty_count < 0) {
                act();
            }
            return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
        };
    }
    void expect_whole(const Octets& stream) const
    {
        const StreamPieces pieces = split(stream);
        const StreamPages before = pages_of(before_verify(pieces));
        for (const auto& [pfn, page] : pages_of(behind_verify(pieces))) {
            EXPECT_TRUE(before.at(pfn) == page) << "pfn " << pfn << " came as it was once";
        }
        here_.expect_let_go(domid_text_);
    }
    void swap_two() const { OutsideP2m{domid_}.swap(one, other); }

    static constexpr std::uint64_t one = 6000;  ///< pfns of plain data
    static constexpr std::uint64_t other = 6001;
};

/// Both pfns went out again before the guest stood still, as what they are then; the table that maps them did not.
TEST_F(LiveMoves, AreSeenInTablesThoughTheFramesCameToRest)
{
    decide_once(1, [this] { swap_two(); });
    expect_whole(saved(SR_SAVE_LIVE | SR_SAVE_VERIFY));
}

/// The table went out before, and the pfns after the move: no pfn was ever sent as anything else.
TEST_F(LiveMoves, AreSeenInTablesThoughNoPfnWasSentOtherwise)
{
    bool moved = false;
    toolstack_.at_progress = [&](const sr_progress& told) {
        if (told.phase == SR_PHASE_LIVE && !std::exchange(moved, true)) {
            EXPECT_LT(told.pages_done, one / 2);
            swap_two();
        }
    };
    expect_whole(saved(SR_SAVE_LIVE | SR_SAVE_VERIFY));
}

TEST_F(LiveMoves, AreSeenAtTheLastMoment)
{
    toolstack_.suspend_guest = [this] {
        swap_two();
        here_.host.suspend(domid_text_);
    };
    expect_whole(saved(SR_SAVE_LIVE | SR_SAVE_VERIFY));
}

TEST_F(LiveMoves, CostNoTableIfThereAreNone)
{
    (void)saved();
    EXPECT_FALSE(log_has("page tables go out again"));
}

/// More than a batch of them, with other contents. Then they are back, and nothing is dirty any more.
TEST_F(LiveMoves, AwayAndBackLoseNoPage)
{
    constexpr std::uint64_t first = 2048;
    constexpr std::uint64_t changed = 4000;
    std::vector<std::uint64_t> frames;
    std::uint64_t end = 0;
    toolstack_.decide = [&](const sr_precopy_stats& stats) {
        OutsideP2m p2m{domid_};
        end = p2m.nr_pfns() - 1;  // something is to be sent behind them
        if (stats.iteration == 1 && stats.dirty_count < 0) {
            p2m.change_page(p2m.entry(changed));
            for (std::uint64_t pfn = first; pfn <= end; ++pfn) {
                if (p2m.entry(pfn) != hole) {
                    p2m.mark_dirty(pfn);
                }
            }
            for (std::uint64_t pfn = first; pfn < end; ++pfn) {
                frames.push_back(std::exchange(p2m.entry(pfn), hole));
            }
        } else if (stats.iteration == 2) {
            for (std::uint64_t pfn = first; pfn < end; ++pfn) {
                p2m.entry(pfn) = frames.at(pfn - first);
            }
        }
        return stats.iteration < 2 ? SR_PRECOPY_CONTINUE : SR_PRECOPY_STOP;
    };
    expect_whole(saved(SR_SAVE_LIVE | SR_SAVE_VERIFY));
}

}  // namespace
}  // namespace sr::test
