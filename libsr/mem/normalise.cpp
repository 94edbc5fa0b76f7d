// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of normalising that ask nobody.
#include "libsr/mem/normalise.hpp"

#include "libsr/mem/load_once.hpp"

namespace sr {

TableEntries copy_entries(TableOctets table) noexcept
{
    TableEntries entries;
    for (std::size_t slot = 0; slot < entries.size(); ++slot) {
        entries[slot] = load_once<std::uint64_t>(table, slot * 8);
    }
    return entries;
}

SlotRange xen_slots_of(const TableEntries& table, unsigned level, const GuestAbi& abi,
                       std::optional<Mfn> compat_m2p)
{
    const SlotRange always = abi.xen_slots(level);
    const SlotRange maybe = abi.compat_m2p_slots(level);
    if (maybe.empty() || !compat_m2p) {
        return always;
    }
    const Pte<Mfn> first{table[maybe.first]};
    return first.present() && first.frame() == *compat_m2p ? maybe : always;
}

}  // namespace sr
