// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of page types.
#include "libsr/mem/page_type.hpp"

namespace sr {

const char* to_string(PageType type) noexcept
{
    switch (type) {
    case PageType::notab:
        return "NOTAB";
    case PageType::l1:
        return "L1TAB";
    case PageType::l2:
        return "L2TAB";
    case PageType::l3:
        return "L3TAB";
    case PageType::l4:
        return "L4TAB";
    case PageType::l1_pinned:
        return "L1TAB pinned";
    case PageType::l2_pinned:
        return "L2TAB pinned";
    case PageType::l3_pinned:
        return "L3TAB pinned";
    case PageType::l4_pinned:
        return "L4TAB pinned";
    case PageType::broken:
        return "BROKEN";
    case PageType::xalloc:
        return "XALLOC";
    case PageType::xtab:
        return "XTAB";
    }
    return "unknown";
}

}  // namespace sr
