// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest layouts of both widths. That they are Xen's is proven by static_asserts in libsr/xen.
#include "libsr/mem/guest_abi.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

TEST(GuestAbi, WidthAndLevelsBelongTogether)
{
    EXPECT_EQ(guest_width_from_wire(8, 4), GuestWidth::bits64);
    EXPECT_EQ(guest_width_from_wire(4, 3), GuestWidth::bits32);
    for (const auto& [width, levels] :
         {std::pair{8U, 3U}, {4U, 4U}, {4U, 2U}, {0U, 0U}, {16U, 4U}}) {
        EXPECT_EQ(guest_width_from_wire(width, levels), std::nullopt) << width << "/" << levels;
    }
}

TEST(GuestAbi, EntriesPerP2mFrame)
{
    EXPECT_EQ(long64.entries_per_p2m_frame(), 512U);
    EXPECT_EQ(pae32.entries_per_p2m_frame(), 1024U);
}

TEST(GuestAbi, XenSlotsAreThoseOfTheTopLevels)
{
    EXPECT_TRUE(long64.xen_slots(4).contains(256));
    EXPECT_TRUE(long64.xen_slots(4).contains(271));
    EXPECT_FALSE(long64.xen_slots(4).contains(255));
    EXPECT_FALSE(long64.xen_slots(4).contains(272));
    EXPECT_TRUE(long64.xen_slots(3).empty());
    EXPECT_TRUE(long64.compat_m2p_slots(2).empty());
    EXPECT_FALSE(pae32.xen_slots(3).contains(3));
    EXPECT_TRUE(pae32.xen_slots(3).contains(4));
    EXPECT_TRUE(pae32.xen_slots(3).contains(511));
    EXPECT_TRUE(pae32.xen_slots(2).empty());
    EXPECT_EQ(pae32.compat_m2p_slots(2).first, (0xf5800000U >> 21) % 512);
    EXPECT_EQ(pae32.compat_m2p_slots(2).last, 511U);
    EXPECT_TRUE(pae32.compat_m2p_slots(1).empty());
}

TEST(GuestAbi, RangesOfA64BitGuest)
{
    EXPECT_TRUE(long64.is_guest_range(0xffff'c900'0000'0000, 1U << 30));
    EXPECT_TRUE(long64.is_guest_range(0, 1));
    EXPECT_TRUE(long64.is_guest_range(0x7fff'ffff'f000, 0x1000));
    EXPECT_TRUE(long64.is_guest_range(0xffff'8800'0000'0000, 1));
    EXPECT_TRUE(long64.is_guest_range(~std::uint64_t{0}, 1));
    EXPECT_FALSE(long64.is_guest_range(0x7fff'ffff'f000, 0x1001)) << "not canonical";
    EXPECT_FALSE(long64.is_guest_range(0xffff'7fff'ffff'f000, 0x1000)) << "not canonical";
    EXPECT_FALSE(long64.is_guest_range(0x1000, 0xffff'ffff'ffff'0000 - 0x2000)) << "over the hole";
    EXPECT_FALSE(long64.is_guest_range(0xffff'8000'0000'0000, 1)) << "Xen's first";
    EXPECT_FALSE(long64.is_guest_range(0xffff'87ff'ffff'ffff, 2)) << "Xen's last";
    EXPECT_FALSE(long64.is_guest_range(0xffff'ffff'ffff'f000, 0x1001)) << "wraps";
    EXPECT_FALSE(long64.is_guest_range(0xffff'c900'0000'0000, 0)) << "empty";
    EXPECT_FALSE(long64.is_guest_range(0, ~std::uint64_t{0}));
}

TEST(GuestAbi, RangesOfA32BitGuest)
{
    EXPECT_TRUE(pae32.is_guest_range(0xf57f'f000, 0x1000));
    EXPECT_FALSE(pae32.is_guest_range(0xf57f'f000, 0x1001)) << "Xen's first";
    EXPECT_FALSE(pae32.is_guest_range(0xffff'f000, 0x1000)) << "Xen's";
    EXPECT_FALSE(pae32.is_guest_range(0x1'0000'0000, 1)) << "past 32 bits";
    EXPECT_FALSE(pae32.is_guest_range(0xc000'0000, 0xffff'ffff'ffff'ffff)) << "wraps";
}

TEST(GuestAbi, Cr3OfA64BitGuestIsAnAddress)
{
    EXPECT_EQ(long64.frame_of_cr3(0x12'3456'7000), 0x12'34567U);
    EXPECT_EQ(long64.cr3_of_frame(0x12'34567), 0x12'3456'7000U);
    EXPECT_EQ(error_of([] { (void)long64.cr3_of_frame(std::uint64_t{1} << 52); }), Errc::limit);
}

TEST(GuestAbi, Cr3OfA32BitGuestIsRotated)
{
    EXPECT_EQ(pae32.frame_of_cr3(0x1234'5abc), 0xabc1'2345U);
    EXPECT_EQ(pae32.cr3_of_frame(0xabc1'2345), 0x1234'5abcU);
    EXPECT_EQ(pae32.cr3_of_frame(0xfffff), 0xffff'f000U);
    EXPECT_EQ(pae32.frame_of_cr3(0x1'0000'0000), std::nullopt);
    EXPECT_EQ(error_of([] { (void)pae32.cr3_of_frame(0x1'0000'0000); }), Errc::limit);
}

TEST(Field, LoadsAndStoresEveryWidth)
{
    std::array<std::byte, 16> octets{};
    for (const std::size_t width :
         {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{8}}) {
        const std::uint64_t most = ~std::uint64_t{0} >> (64 - 8 * width);
        octets.fill(std::byte{0});
        store_field(octets, {3, width}, most);
        EXPECT_EQ(load_field(octets, {3, width}), most);
        EXPECT_EQ(octets[2], std::byte{0});
        EXPECT_EQ(octets[3 + width], std::byte{0});
        if (width < 8) {
            EXPECT_EQ(error_of([&] { store_field(octets, {3, width}, most + 1); }), Errc::limit);
        }
    }
}

}  // namespace
}  // namespace sr
