// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding and mapping what translates a PV guest's frames.
#include "libsr/save/pv_guest.hpp"

#include "libsr/xen/guest_frames.hpp"

namespace sr {
namespace {

P2mLayout find_p2m(const GuestAbi& abi, std::span<const std::byte> shared_info,
                   ForeignMapper& mapper, const M2p& m2p)
{
    MappedGuestFrames frames{mapper};
    return discover_p2m(abi, read_p2m_roots(shared_info, abi), frames, m2p.nr_entries());
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
                                                                     mapper_, m2p_)},
      leaves_{map_frames(mapper_, layout_.leaves, Access::read)},
      p2m_{abi_, leaves_.octets(), layout_.highest}, translator_{m2p_, p2m_}
{
}

}  // namespace sr
