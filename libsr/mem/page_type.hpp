// SPDX-License-Identifier: LGPL-2.1-or-later
// What a guest page is to Xen, and all that follows from it for save and restore.
#pragma once

#include <cstdint>
#include <optional>

namespace sr {

/// The type of a guest page. The values are those of the stream (libxc-migration-stream.pandoc,
/// "PAGE_DATA", bits 63:60 of a pfn word) and of XEN_DOMCTL_getpageframeinfo3 shifted down by 28.
///
/// Who has contents, who gets a frame, who is translated and who is pinned: the functions below,
/// and nothing else.
enum class PageType : std::uint8_t {
    notab = 0x0,  ///< ordinary memory, or a table that Xen does not vouch for
    l1 = 0x1,     ///< validated page tables, by level
    l2 = 0x2,
    l3 = 0x3,
    l4 = 0x4,
    l1_pinned = 0x9,  ///< the same, and pinned by the guest
    l2_pinned = 0xa,
    l3_pinned = 0xb,
    l4_pinned = 0xc,
    broken = 0xd,  ///< a frame lost to a memory error: the pfn exists, its contents do not
    xalloc =
        0xe,  ///< to be given a frame, contents unknown. Xen never reports it; a stream may hold it
    xtab = 0xf,  ///< no frame
};

/// Every value of PageType, for tests and tables.
inline constexpr PageType all_page_types[] = {
    PageType::notab,     PageType::l1,        PageType::l2,        PageType::l3,
    PageType::l4,        PageType::l1_pinned, PageType::l2_pinned, PageType::l3_pinned,
    PageType::l4_pinned, PageType::broken,    PageType::xalloc,    PageType::xtab,
};

/// The type with this wire value; none for 5 to 8 and for what does not fit four bits.
[[nodiscard]] constexpr std::optional<PageType> page_type_from_wire(unsigned value) noexcept
{
    if (value > 0xfU || (value >= 5U && value <= 8U)) {
        return std::nullopt;
    }
    return static_cast<PageType>(value);
}

/// Its wire value, 0 to 15.
[[nodiscard]] constexpr unsigned to_wire(PageType type) noexcept
{
    return static_cast<unsigned>(type);
}

/// True if 4096 octets of contents go with the page.
[[nodiscard]] constexpr bool has_contents(PageType type) noexcept
{
    switch (type) {
    case PageType::notab:
    case PageType::l1:
    case PageType::l2:
    case PageType::l3:
    case PageType::l4:
    case PageType::l1_pinned:
    case PageType::l2_pinned:
    case PageType::l3_pinned:
    case PageType::l4_pinned:
        return true;
    case PageType::broken:
    case PageType::xalloc:
    case PageType::xtab:
        return false;
    }
    return false;
}

/// True if a restored domain is given a frame for the page ("populated").
[[nodiscard]] constexpr bool needs_frame(PageType type) noexcept
{
    return has_contents(type) || type == PageType::xalloc;
}

/// True if the guest pinned the table, so that a restore pins it again.
[[nodiscard]] constexpr bool is_pinned(PageType type) noexcept
{
    return type >= PageType::l1_pinned && type <= PageType::l4_pinned;
}

/// The same type without its pin; types that know no pin are themselves.
[[nodiscard]] constexpr PageType without_pin(PageType type) noexcept
{
    return is_pinned(type) ? static_cast<PageType>(to_wire(type) & 0x7U) : type;
}

/// 1 to 4 for a page table, whose entries are translated; 0 for everything else.
[[nodiscard]] constexpr unsigned table_level(PageType type) noexcept
{
    const PageType unpinned = without_pin(type);
    return unpinned >= PageType::l1 && unpinned <= PageType::l4 ? to_wire(unpinned) : 0U;
}

/// True if the page holds entries to normalise or localise.
[[nodiscard]] constexpr bool is_table(PageType type) noexcept
{
    return table_level(type) != 0;
}

/// "NOTAB", "L1TAB", "L1TAB pinned", …, "BROKEN", "XALLOC", "XTAB".
[[nodiscard]] const char* to_string(PageType type) noexcept;

}  // namespace sr
