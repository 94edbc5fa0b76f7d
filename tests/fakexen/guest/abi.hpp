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

/// Where an unsigned number stands in a structure that guest and Xen share.
struct Field {
    std::size_t offset;
    std::size_t width;  ///< octets: 4 or 8
};

/// struct start_info (xen/xen.h).
struct StartInfoFields {
    Field nr_pages;
    Field shared_info;  ///< machine address
    Field store_mfn;
    Field store_evtchn;
    Field console_mfn;
    Field console_evtchn;
    Field pt_base;
    Field nr_pt_frames;
    Field mfn_list;
};

/// struct arch_shared_info in struct shared_info (xen/arch-x86/xen.h).
struct SharedInfoFields {
    Field max_pfn;
    Field frame_list_list;
    Field p2m_cr3;
    Field p2m_vaddr;
    Field p2m_generation;
};

/// Slots of a table, from first to before end.
struct Slots {
    std::size_t first;
    std::size_t end;
    [[nodiscard]] constexpr bool contains(std::size_t slot) const noexcept
    {
        return slot >= first && slot < end;
    }
};

/// Where a kernel of one word size keeps things.
struct Abi {
    unsigned bits;
    unsigned levels;             ///< of page tables
    unsigned width;              ///< octets of a p2m entry
    Va direct_map;               ///< pfn n at direct_map + n * 4096
    Va p2m_list;                 ///< the linear p2m list, plus the offset that was asked for
    Va p2m_limit;                ///< the list ends before it
    Va fixmap;                   ///< shared_info
    Slots user_slots;            ///< of a top-level table
    Slots kernel_slots;          ///< the same in all address spaces
    Slots xen_slots;             ///< Xen's own
    Slots high_xen_slots;        ///< PAE: Xen's own in the L2 of slot 3; otherwise none
    std::uint64_t top_flags;     ///< of an entry of a top-level table
    bool has_user_table;         ///< a vCPU has a second top-level table, for user mode
    std::uint64_t signature;     ///< page of the instruction pointer of a guest that is ours
    std::uint16_t code_segment;  ///< the flat one of Xen's GDT, and so on
    std::uint16_t stack_segment;
    std::uint16_t data_segment;
    std::uint64_t code_descriptor;  ///< of flat code with DPL 3
    const char* magic;              ///< of start_info
    StartInfoFields start_info;
    SharedInfoFields shared_info;

    [[nodiscard]] constexpr Va direct(Pfn pfn) const noexcept
    {
        return direct_map + pfn * page_size;
    }
    /// Slot of a table of this level (1 is the leaf) for an address.
    [[nodiscard]] static constexpr std::size_t slot(Va va, unsigned level) noexcept
    {
        return va >> (12 + 9 * (level - 1)) & (entries_per_table - 1);
    }
    /// A p2m entry that says "no frame" in the guest's width.
    [[nodiscard]] constexpr std::uint64_t no_entry() const noexcept
    {
        return no_mfn >> (64 - 8 * width);
    }
    /// What Linux writes there for a pfn that is no memory but the machine's own (asm/xen/page.h, IDENTITY_FRAME).
    [[nodiscard]] constexpr std::uint64_t identity_entry(Pfn pfn) const noexcept
    {
        return std::uint64_t{1} << (8 * width - 2) | pfn;
    }
    /// As p2m_cr3 of shared_info has it: a 32-bit guest turns the upper bits around
    /// (xen/arch-x86/xen-x86_32.h).
    [[nodiscard]] constexpr std::uint64_t cr3_of(Mfn mfn) const noexcept
    {
        return bits == 64 ? mfn << 12 : (mfn << 12 | mfn >> 20) & 0xffff'ffff;
    }

    // The tables of an address space of its own are counted in parts: part n is the table of level
    // n; in a whole PAE address space part 4 is the L2 of slot 3, which Xen wants unshared.
    [[nodiscard]] constexpr bool has_high_table() const noexcept { return levels == 3; }
    static constexpr unsigned high_part = 4;
    static constexpr std::size_t high_slot = 3;
    [[nodiscard]] constexpr unsigned nr_parts(unsigned top_level) const noexcept
    {
        return has_high_table() && top_level == levels ? high_part : top_level;
    }
    [[nodiscard]] constexpr unsigned level_of(unsigned part) const noexcept
    {
        return part > levels ? 2 : part;
    }
    [[nodiscard]] constexpr bool is_xen_slot(unsigned part, std::size_t slot) const noexcept
    {
        return part == levels ? xen_slots.contains(slot)
                              : part > levels && high_xen_slots.contains(slot);
    }
};

/// xen/arch-x86/xen-x86_64.h: Xen keeps the top-level slots 256 to 271.
extern const Abi abi64;

/// xen/arch-x86/xen-x86_32.h: Xen keeps addresses from 0xf5800000 on.
extern const Abi abi32;

/// Of 64 or 32 bits. @throws std::invalid_argument
[[nodiscard]] const Abi& abi_of_bits(unsigned bits);

}  // namespace fakexen::guest
