// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables on their way out: machine frames become pfns.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/mem/pte.hpp"
#include "libsr/mem/table_outcome.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>

namespace sr {

/// What anything must offer that turns a machine frame into a pfn: FrameTranslator, or a test.
template <typename T>
concept MfnToPfn = requires(const T& translator, Mfn mfn)
{
    {
        translator.pfn_of(mfn)
        } -> std::same_as<PfnOrWhy>;
};

/// A fault of a table on its way out.
[[nodiscard]] constexpr TableOutcome outward_fault(TableFault fault, unsigned slot,
                                                   Pte<Mfn> entry) noexcept
{
    return {.fault = fault, .slot = slot, .entry = entry.raw(), .frame = entry.frame().number()};
}

/// The entries of a table, each read once from memory that a guest may be changing.
using TableEntries = std::array<std::uint64_t, entries_per_table>;
[[nodiscard]] TableEntries copy_entries(TableOctets table) noexcept;

/// The slots of this very table that are Xen's and leave as zero.
///
/// @param compat_m2p  first frame of the M2P that Xen shows to 32-bit guests
/// (XENMEM_machphys_compat_mfn_list): a PAE L2 that
///                    maps it is the one with Xen's slots. None for 64-bit guests.
[[nodiscard]] SlotRange xen_slots_of(const TableEntries& table, unsigned level, const GuestAbi& abi,
                                     std::optional<Mfn> compat_m2p);

/// How many entries ahead the M2P is fetched. Frames of a guest lie all over the M2P, so that a table is hundreds of cache misses;
/// this many at a time halve what it costs, more do not help.
inline constexpr unsigned normalise_lookahead = 16;

/// Translates one page table of a PV guest for the stream (libxc-migration-stream.pandoc,
/// "PAGE_DATA"; Xen's rules: design.md §4).
///
/// Present entries get the pfn of their frame and keep all flags; entries that are not present stay
/// as they are; Xen's own slots become zero. A superpage, and an L4 in a 32-bit guest, are refused.
///
/// @param from  the table: guest memory or a copy. Each entry is read once
/// @param to    gets the translated table; worthless after a fault
/// @param type  a table type, pinned or not
/// @return      done, or the first entry at fault; while the guest runs, it may be at work on the table
template <MfnToPfn Translator>
TableOutcome normalise_table(TableOctets from, MutableTableOctets to, PageType type,
                             const GuestAbi& abi, std::optional<Mfn> compat_m2p,
                             const Translator& translator)
{
    const unsigned level = table_level(type);
    if (level == 0 || level > abi.levels) {
        return {.fault = TableFault::not_a_table};
    }
    const TableEntries entries = copy_entries(from);
    const SlotRange xen = xen_slots_of(entries, level, abi, compat_m2p);
    for (unsigned slot = 0; slot < entries_per_table; ++slot) {
        if (const unsigned ahead = slot + normalise_lookahead; ahead < entries_per_table) {
            translator.prefetch(Pte<Mfn>{entries[ahead]}.frame());
        }
        const Pte<Mfn> entry{entries[slot]};
        if (xen.contains(slot)) {
            store_pte(to, slot, Pte<Pfn>{0});
            continue;
        }
        if (!entry.present()) {
            store_pte(to, slot, Pte<Pfn>{entry.raw()});
            continue;
        }
        if (level > 1 && entry.pse()) {
            return outward_fault(TableFault::superpage, slot, entry);
        }
        const PfnOrWhy found = translator.pfn_of(entry.frame());
        if (!found) {
            return outward_fault(fault_of(found.why), slot, entry);
        }
        store_pte(to, slot, entry.with_frame(found.pfn));
    }
    return {};
}

}  // namespace sr
