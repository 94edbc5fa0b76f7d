// SPDX-License-Identifier: LGPL-2.1-or-later
// How the translation of a page table ended: done, or at which entry and why not.
#pragma once

#include "libsr/base/error.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/mem/page_type.hpp"

#include <cstdint>
#include <string>

namespace sr {

/// Why an entry, or a table, cannot be translated.
enum class TableFault : std::uint8_t {
    none,           ///< translated
    not_a_table,    ///< the type is no table of this guest: an L4 in a 32-bit one, or no table type
    superpage,      ///< the entry maps 2 MiB or more at once
    no_m2p_entry,   ///< save: as NoPfn
    past_p2m,       ///< save: as NoPfn
    p2m_disagrees,  ///< save: as NoPfn
    past_highest,   ///< restore: the entry names a pfn past the domain's highest
    no_frame,       ///< restore: the entry names a pfn that has no frame
};

/// The outcome of normalise_table() or localise_table(), small enough for a batch to keep one for
/// each page.
struct [[nodiscard]] TableOutcome {
    TableFault fault = TableFault::none;
    bool from_stream = false;  ///< the way in: frames are pfns, and a fault is the stream's
    unsigned slot = 0;         ///< of the first entry at fault
    std::uint64_t entry = 0;   ///< as read there
    std::uint64_t frame = 0;   ///< its frame field: an mfn on the way out, a pfn on the way in

    [[nodiscard]] explicit operator bool() const noexcept { return fault == TableFault::none; }
};

/// The translator's answer as a fault.
[[nodiscard]] constexpr TableFault fault_of(NoPfn why) noexcept
{
    switch (why) {
    case NoPfn::none:
        return TableFault::none;
    case NoPfn::no_m2p_entry:
        return TableFault::no_m2p_entry;
    case NoPfn::past_p2m:
        return TableFault::past_p2m;
    case NoPfn::p2m_disagrees:
        return TableFault::p2m_disagrees;
    }
    return TableFault::no_m2p_entry;
}

/// "L2TAB pfn 0x1234: slot 17 (0x80000000000991067) holds mfn 0x991, which has no entry in Xen's
/// M2P": pfn, level, slot and frame of a fault, one sentence for a log or an Error.
[[nodiscard]] std::string describe(const TableOutcome& outcome, Pfn table, PageType type);

/// The fault as an exception with the table's pfn: Error{guest} on the way out, Error{malformed} on
/// the way in. The outcome has a fault.
[[nodiscard]] Error to_error(const TableOutcome& outcome, Pfn table, PageType type);

}  // namespace sr
