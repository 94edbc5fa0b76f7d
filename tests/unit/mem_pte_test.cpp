// SPDX-License-Identifier: LGPL-2.1-or-later
// Page-table entries, bit by bit.
#include "libsr/mem/pte.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sr {
namespace {

TEST(Pte, ReadsItsBits)
{
    // NX, available bits 62:52, frame 0x12345, available bits 11:9, PSE, accessed, user, writable,
    // present.
    const Pte<Mfn> entry{0xfff0'0000'1234'5ee7};
    EXPECT_TRUE(entry.present());
    EXPECT_TRUE(entry.writable());
    EXPECT_TRUE(entry.pse());
    EXPECT_EQ(entry.frame(), Mfn{0x12345});
    EXPECT_EQ(entry.flags(), 0xfff0'0000'0000'0ee7U);
    EXPECT_FALSE(Pte<Mfn>{0xfffe}.present());
    EXPECT_FALSE(Pte<Mfn>{0xfffd}.writable());
    EXPECT_FALSE(Pte<Mfn>{0xff7f}.pse());
}

TEST(Pte, FrameTakesBits51To12)
{
    EXPECT_EQ(Pte<Mfn>{~std::uint64_t{0}}.frame(), Mfn{0xff'ffff'ffff});
    EXPECT_EQ(Pte<Mfn>{0xfff0'0000'0000'0fff}.frame(), Mfn{0});
}

TEST(Pte, WithFrameKeepsEveryFlag)
{
    const Pte<Pfn> changed = Pte<Mfn>{~std::uint64_t{0}}.with_frame(Pfn{0x7});
    EXPECT_EQ(changed.raw(), 0xfff0'0000'0000'7fffU);
    EXPECT_EQ(Pte<Mfn>{0x1067}.with_frame(Pfn{Pte<Pfn>::highest_frame}).raw(),
              0x000f'ffff'ffff'f067U);
}

TEST(Pte, WithFrameRefusesAFrameThatWouldSpill)
{
    try {
        (void)Pte<Mfn>{1}.with_frame(Pfn{Pte<Pfn>::highest_frame + 1});
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), Errc::limit);
    }
}

TEST(Pte, LoadAndStoreUseTheirSlot)
{
    std::array<std::byte, page_size> table{};
    store_pte(MutableTableOctets{table}, 511, Pte<Pfn>{0x8000'0000'0000'2063});
    EXPECT_EQ(table[4088], std::byte{0x63});
    EXPECT_EQ(table[4095], std::byte{0x80});
    EXPECT_EQ(load_pte<Pfn>(TableOctets{table}, 511).frame(), Pfn{2});
    EXPECT_EQ(load_pte<Pfn>(TableOctets{table}, 510).raw(), 0U);
}

}  // namespace
}  // namespace sr
