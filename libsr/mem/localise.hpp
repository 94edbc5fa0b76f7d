// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables on their way in: pfns become machine frames.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/mem/pte.hpp"
#include "libsr/mem/table_outcome.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace sr {

/// Calls visit(slot, Pte<Pfn>) for each present entry of a table from the stream that is not in a
/// slot of Xen's, in order, after it was found to be a plain mapping of a pfn up to `highest`.
/// Stops at the first that is not, or where visit() returns a fault.
///
/// @param visit  (unsigned slot, Pte<Pfn> entry) -> TableFault
template <typename Visit>
requires std::same_as<std::invoke_result_t<Visit&, unsigned, Pte<Pfn>>, TableFault> TableOutcome
visit_entries(TableOctets table, PageType type, const GuestAbi& abi, Pfn highest, Visit&& visit)
{
    const unsigned level = table_level(type);
    if (level == 0 || level > abi.levels) {
        return {.fault = TableFault::not_a_table, .from_stream = true};
    }
    const SlotRange xen = abi.xen_slots(level);
    for (unsigned slot = 0; slot < entries_per_table; ++slot) {
        const Pte<Pfn> entry = load_pte<Pfn>(table, slot);
        if (!entry.present() || xen.contains(slot)) {
            continue;
        }
        TableFault fault = TableFault::none;
        if (level > 1 && entry.pse()) {
            fault = TableFault::superpage;
        } else if (entry.frame() > highest) {
            fault = TableFault::past_highest;
        } else {
            fault = visit(slot, entry);
        }
        if (fault != TableFault::none) {
            return {.fault = fault,
                    .from_stream = true,
                    .slot = slot,
                    .entry = entry.raw(),
                    .frame = entry.frame().number()};
        }
    }
    return {};
}

/// Calls fn(Pfn) for each pfn that the table maps, as visit_entries(): so that a restore gives
/// frames to those that have none before it localises the table. A pfn may come more than once.
template <typename Fn>
TableOutcome for_each_target(TableOctets table, PageType type, const GuestAbi& abi, Pfn highest,
                             Fn&& fn)
{
    return visit_entries(table, type, abi, highest, [&](unsigned, Pte<Pfn> entry) {
        fn(entry.frame());
        return TableFault::none;
    });
}

/// Translates one page table from the stream for a PV guest, in place.
///
/// Present entries get the machine frame of their pfn and keep all flags; entries that are not
/// present stay as they are. Slots of Xen's are left as the stream has them: Xen writes its own
/// when the table is validated.
///
/// @param table    from the stream, in a buffer or in the frame of a domain that does not run
/// @param highest  the domain's highest pfn. An entry past it is a fault, never an assert
/// @param lookup   (Pfn) -> std::optional<Mfn>, the restore's p2m
/// @return         done, or the first entry at fault; the table is then half translated and must
/// not be used
/// @throws Error{limit} if lookup gives a frame past 40 bits
template <typename Lookup>
requires std::same_as<std::invoke_result_t<const Lookup&, Pfn>, std::optional<Mfn>>
    TableOutcome localise_table(MutableTableOctets table, PageType type, const GuestAbi& abi,
                                Pfn highest, const Lookup& lookup)
{
    return visit_entries(table, type, abi, highest, [&](unsigned slot, Pte<Pfn> entry) {
        const std::optional<Mfn> mfn = lookup(entry.frame());
        if (!mfn) {
            return TableFault::no_frame;
        }
        store_pte(table, slot, entry.with_frame(*mfn));
        return TableFault::none;
    });
}

}  // namespace sr
