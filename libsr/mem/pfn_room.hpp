// SPDX-License-Identifier: LGPL-2.1-or-later
// How many pfns a guest may claim to have room for.
#pragma once

#include <cstdint>

namespace sr {

/// The most pfns that the p2m of a PV guest may cover, given the most pages it may own.
///
/// Memory is spent for each pfn that a guest, or a stream, merely claims: a few bits on save, and
/// on a live save and on restore a table of 512 entries wherever one page is. Real claims go past a guest's memory: Linux makes room
/// for 512 GiB to be plugged in (CONFIG_XEN_BALLOON_MEMORY_HOTPLUG_LIMIT), others for what was
/// ballooned out. So there is room for those, and for sixteen times the memory beyond them.
[[nodiscard]] constexpr std::uint64_t most_pfns(std::uint64_t max_pages) noexcept
{
    constexpr std::uint64_t always = std::uint64_t{1} << 27;
    constexpr std::uint64_t for_each_page = 16;
    constexpr std::uint64_t that_can_be_named = std::uint64_t{1} << 32;  // by X86_PV_P2M_FRAMES
    return max_pages > (that_can_be_named - always) / for_each_page
               ? that_can_be_named
               : always + for_each_page * max_pages;
}

}  // namespace sr
