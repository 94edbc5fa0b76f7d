// SPDX-License-Identifier: LGPL-2.1-or-later
// Thousands of random pins, unpins and entry updates: after each, the counts of every frame are what its uses make them.
#include "tests/unit/fakexen_support.hpp"

#include <map>
#include <random>

namespace fakexen {
namespace {

/// What a frame's counts should be, from scratch: allocation, pin, and the entries of validated tables.
struct Expected {
    std::uint32_t references = 1;
    std::uint32_t type_count = 0;
};

class CountsTest : public HypervisorTest {
protected:
    CountsTest()
    {
        for (unsigned i = 0; i < nr_pages; ++i) {
            pages.push_back(page());
        }
    }

    void count_entries(Mfn table, std::map<Mfn, Expected>& expected)
    {
        const FrameType level = frame(table).type;
        for (unsigned slot = 0; slot < 512; ++slot) {
            const std::uint64_t entry = xen.machine.entries(table)[slot];
            const Mfn target = pte::frame_of(entry);
            const bool xen_slot = level == FrameType::l4_table && slot >= xen_l4_slot_first &&
                                  slot <= xen_l4_slot_last;
            const bool upper = level != FrameType::l1_table;
            if ((entry & pte::present) == 0 || xen_slot || (upper && target == table)) {
                continue;
            }
            ++expected[target].references;
            expected[target].type_count += upper || (entry & pte::writable) != 0 ? 1U : 0U;
        }
    }

    void audit()
    {
        std::map<Mfn, Expected> expected;
        for (const Mfn mfn : pages) {
            Expected& counts = expected[mfn];
            counts.references += frame(mfn).pinned ? 1U : 0U;
            counts.type_count += frame(mfn).pinned ? 1U : 0U;
            if (is_table(frame(mfn).type) && frame(mfn).validated) {
                count_entries(mfn, expected);
            }
        }
        for (const Mfn mfn : pages) {
            ASSERT_EQ(frame(mfn).references, expected[mfn].references) << mfn.number();
            ASSERT_EQ(frame(mfn).type_count, expected[mfn].type_count) << mfn.number();
        }
    }

    Mfn any() { return pages[random() % pages.size()]; }

    std::uint64_t any_entry()
    {
        static constexpr std::uint64_t flags[] = {0,
                                                  pte::present,
                                                  pte::present | pte::user,
                                                  pte::present | pte::writable,
                                                  pte::present | pte::writable | pte::user,
                                                  pte::present | pte::global,
                                                  pte::present | pte::large};
        return pte::make(any(), flags[random() % std::size(flags)]);
    }

    /// One random step. @return whether it was done, rather than refused
    bool step()
    {
        const Mfn mfn = any();
        const auto slot = static_cast<unsigned>(random() % 4 + (random() % 8 == 0 ? 255 : 0));
        const auto level = static_cast<FrameType>(1 + random() % 4);
        switch (random() % 8) {
        case 0:
            return xen.types.pin(mfn, level, domain) == 0;
        case 1:
            return xen.types.unpin(mfn, domain) == 0;
        case 2:  // the guest writes a page that is no table
            if (frame(mfn).type_count == 0) {
                xen.machine.entries(mfn)[slot] = random() % 2 != 0 ? any_entry() : 0;
            }
            return false;
        default: {
            const bool in_use = is_table(frame(mfn).type) && frame(mfn).validated;
            return in_use && xen.types.update_entry(mfn, slot, any_entry(), KeepBits::none, domain,
                                                    domain) == 0;
        }
        }
    }

    static constexpr unsigned nr_pages = 24;
    std::vector<Mfn> pages;
    std::mt19937_64 random{20261120};
};

TEST_F(CountsTest, StayRightWhateverAGuestTries)
{
    unsigned nr_done = 0;
    for (unsigned i = 0; i < 6000; ++i) {
        SCOPED_TRACE(i);
        nr_done += step() ? 1U : 0U;
        if (i % 4 == 0) {
            audit();
        }
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(nr_done, 500U) << "nearly all was refused: nothing was tested";
    for (const Mfn mfn : pages) {
        if (frame(mfn).pinned) {
            EXPECT_EQ(xen.types.unpin(mfn, domain), 0);
        }
    }
    for (const Mfn mfn : pages) {
        EXPECT_EQ(frame(mfn).references, 1U);
        EXPECT_EQ(frame(mfn).type_count, 0U);
        EXPECT_EQ(frame(mfn).linear_count, 0);
    }
}

}  // namespace
}  // namespace fakexen
