// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding and mapping what translates a PV guest's frames.
#include "libsr/save/pv_guest.hpp"

#include "libsr/mem/pfn_room.hpp"
#include "libsr/xen/guest_frames.hpp"

#include <cinttypes>

namespace sr {
namespace {

P2mLayout find_p2m(const GuestAbi& abi, std::span<const std::byte> shared_info,
                   const DomainInfo& info, ForeignMapper& mapper, const M2p& m2p)
{
    const P2mRoots roots = read_p2m_roots(shared_info, abi);
    if (roots.max_pfn > most_pfns(info.max_pages)) {
        throw Error{Errc::guest,
                    "max_pfn in shared_info is %#" PRIx64 ", more than a guest of at most %" PRIu64
                    " pages can need",
                    roots.max_pfn, info.max_pages};
    }
    MappedGuestFrames frames{mapper};
    return discover_p2m(abi, roots, frames, m2p.nr_entries());
}

ForeignMapping map_shared_info(ForeignMapper& mapper, const DomainInfo& info)
{
    const Mfn frame = info.shared_info;
    return map_frames(mapper, {&frame, 1}, Access::read);
}

}  // namespace

PvGuest::PvGuest(const Domain& domain, const DomainInfo& info)
    : abi_{guest_abi(domain.guest_width())}, mapper_{domain.host(), domain.domid()},
      m2p_table_{domain.host()}, m2p_{m2p_table_.octets()},
      shared_info_{map_shared_info(mapper_, info)}, layout_{find_p2m(abi_, shared_info_.page(0),
                                                                     info, mapper_, m2p_)},
      leaves_{map_frames(mapper_, layout_.leaves, Access::read)},
      p2m_{abi_, leaves_.octets(), layout_.highest}, translator_{m2p_, p2m_}
{
}

}  // namespace sr
