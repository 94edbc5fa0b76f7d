// SPDX-License-Identifier: LGPL-2.1-or-later
// Which slots of a page table are Xen's.
#include "libsr/mem/normalise.hpp"

namespace sr {

SlotRange xen_slots_of(TableOctets table, unsigned level, const GuestAbi& abi,
                       std::optional<Mfn> compat_m2p)
{
    const SlotRange always = abi.xen_slots(level);
    const SlotRange maybe = abi.compat_m2p_slots(level);
    if (maybe.empty() || !compat_m2p) {
        return always;
    }
    const Pte<Mfn> first{load_once<std::uint64_t>(table, std::size_t{maybe.first} * 8)};
    return first.present() && first.frame() == *compat_m2p ? maybe : always;
}

}  // namespace sr
