// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest kernel's address space and page-table bits. A 32-bit PAE kernel is a second Abi.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fakexen::guest {

using Pfn = std::uint64_t;  ///< guest pseudo-physical frame number
using Mfn = std::uint64_t;  ///< machine frame number
using Va = std::uint64_t;   ///< guest virtual address

inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t entries_per_table = 512;

/// What a p2m entry holds for a pfn without a frame.
inline constexpr Mfn no_mfn = ~Mfn{0};

/// Page-table bits (Intel SDM vol. 3A, "Format of a Page-Table Entry that Maps a 4-KByte Page").
namespace pte {
inline constexpr std::uint64_t present = 1U << 0;
inline constexpr std::uint64_t writable = 1U << 1;
inline constexpr std::uint64_t user = 1U << 2;
inline constexpr std::uint64_t accessed = 1U << 5;
inline constexpr std::uint64_t dirty = 1U << 6;
/// Bits that no CPU and no hypervisor minds: 9 to 11 and 53 to 61 are the kernel's own, 63 is no-execute. (Xen has
/// uses for 52 and 62.)
inline constexpr std::uint64_t free_to_use = 0xbfe0'0000'0000'0e00;
inline constexpr std::uint64_t frame_mask = 0x000f'ffff'ffff'f000;

inline constexpr std::uint64_t read_only = present | user | accessed;
inline constexpr std::uint64_t read_write = read_only | writable | dirty;
inline constexpr std::uint64_t table = read_write;

[[nodiscard]] constexpr std::uint64_t frame(std::uint64_t entry) noexcept
{
    return (entry & frame_mask) >> 12;
}
[[nodiscard]] constexpr std::uint64_t make(std::uint64_t frame_number, std::uint64_t flags) noexcept
{
    return frame_number << 12 | flags;
}
}  // namespace pte

/// Where a kernel of one word size keeps things.
struct Abi {
    unsigned levels;             ///< of page tables
    unsigned width;              ///< octets of a p2m entry
    Va direct_map;               ///< pfn n at direct_map + n * 4096
    Va p2m_list;                 ///< the linear p2m list, plus the offset that was asked for
    Va fixmap;                   ///< shared_info
    std::size_t first_xen_slot;  ///< of a top-level table
    std::size_t nr_xen_slots;

    [[nodiscard]] constexpr Va direct(Pfn pfn) const noexcept
    {
        return direct_map + pfn * page_size;
    }
    /// Slot of a table of this level (1 is the leaf) for an address.
    [[nodiscard]] static constexpr std::size_t slot(Va va, unsigned level) noexcept
    {
        return va >> (12 + 9 * (level - 1)) & (entries_per_table - 1);
    }
};

/// xen/arch-x86/xen-x86_64.h: Xen keeps the top-level slots 256 to 271.
inline constexpr Abi abi64{.levels = 4,
                           .width = 8,
                           .direct_map = 0xffff'8800'0000'0000,
                           .p2m_list = 0xffff'9000'0000'0000,
                           .fixmap = 0xffff'ffff'ff40'0000,
                           .first_xen_slot = 256,
                           .nr_xen_slots = 16};

}  // namespace fakexen::guest
