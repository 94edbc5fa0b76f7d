// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables on their way out: machine frames become pfns.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/load_once.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/mem/pte.hpp"
#include "libsr/mem/table_outcome.hpp"

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

/// The slots of this very table that are Xen's and leave as zero.
///
/// @param compat_m2p  first frame of the M2P that Xen shows to 32-bit guests
/// (XENMEM_machphys_compat_mfn_list): a PAE L2 that
///                    maps it is the one with Xen's slots. None for 64-bit guests.
[[nodiscard]] SlotRange xen_slots_of(TableOctets table, unsigned level, const GuestAbi& abi,
                                     std::optional<Mfn> compat_m2p);

/// Translates one page table of a PV guest for the stream (libxc-migration-stream.pandoc,
/// "PAGE_DATA"; Xen's rules: design.md §4).
///
/// Present entries get the pfn of their frame and keep all flags; entries that are not present stay
/// as they are; Xen's own slots become zero. A superpage, and an L4 in a 32-bit guest, are refused.
///
/// @param from  the table: guest memory or a copy. Each entry is read once
/// @param to    gets the translated table; worthless after a fault
/// @param type  a table type, pinned or not
/// @return      done, or the first entry at fault; the caller knows whether the guest still runs
/// (may_pass())
template <MfnToPfn Translator>
TableOutcome normalise_table(TableOctets from, MutableTableOctets to, PageType type,
                             const GuestAbi& abi, std::optional<Mfn> compat_m2p,
                             const Translator& translator)
{
    const unsigned level = table_level(type);
    if (level == 0 || level > abi.levels) {
        return {.fault = TableFault::not_a_table};
    }
    const SlotRange xen = xen_slots_of(from, level, abi, compat_m2p);
    for (unsigned slot = 0; slot < entries_per_table; ++slot) {
        const Pte<Mfn> entry{load_once<std::uint64_t>(from, std::size_t{slot} * 8)};
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
