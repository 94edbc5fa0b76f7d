// SPDX-License-Identifier: LGPL-2.1-or-later
// Bits of a page-table entry as Xen looks at them: Intel SDM vol. 3A, "Paging", and asm/page.h of Xen 4.17.
#pragma once

#include "libsr/base/frame.hpp"

#include <cstdint>

namespace fakexen::pte {

inline constexpr std::uint64_t present = 1U << 0;
inline constexpr std::uint64_t writable = 1U << 1;
inline constexpr std::uint64_t user = 1U << 2;
inline constexpr std::uint64_t write_through = 1U << 3;
inline constexpr std::uint64_t cache_disable = 1U << 4;
inline constexpr std::uint64_t accessed = 1U << 5;
inline constexpr std::uint64_t dirty = 1U << 6;
inline constexpr std::uint64_t large = 1U << 7;  ///< PSE in L2 and L3, PAT in L1
inline constexpr std::uint64_t global = 1U << 8;
inline constexpr std::uint64_t available = 7U << 9;
inline constexpr std::uint64_t guest_kernel =
    std::uint64_t{1} << 52;  ///< a kernel page; Xen runs the kernel in ring 3
inline constexpr std::uint64_t available_high = std::uint64_t{0x7ff} << 52;
inline constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
inline constexpr std::uint64_t frame_mask = 0x000f'ffff'ffff'f000;
inline constexpr std::uint64_t flags_mask = ~frame_mask;

/// Frame number of "no frame" in an entry: all 40 bits set.
inline constexpr std::uint64_t invalid_frame = frame_mask >> 12;

/// Flags that a PV guest may not set in a table of any level.
inline constexpr std::uint64_t disallowed =
    flags_mask &
    ~(present | writable | user | accessed | dirty | available | available_high | no_execute);
/// In an L1: the global bit is the guest's, cacheability needs hardware of its own. (A debug build of Xen keeps bit 62 for
/// itself; no distribution's is one.)
inline constexpr std::uint64_t disallowed_l1 = disallowed & ~global;
/// In the L3 of a 32-bit guest: what the CPU reserves there, and all of the high bits.
inline constexpr std::uint64_t disallowed_pae_l3 =
    write_through | cache_disable | large | global | (flags_mask & ~std::uint64_t{0xfff});

[[nodiscard]] constexpr sr::Mfn frame_of(std::uint64_t entry) noexcept
{
    return sr::Mfn{(entry & frame_mask) >> 12};
}

[[nodiscard]] constexpr std::uint64_t make(sr::Mfn mfn, std::uint64_t flags) noexcept
{
    return (mfn.number() << 12 & frame_mask) | flags;
}

}  // namespace fakexen::pte
