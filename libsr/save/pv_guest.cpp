// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding and mapping what translates a PV guest's frames.
#include "libsr/save/pv_guest.hpp"

#include "libsr/mem/pfn_room.hpp"
#include "libsr/xen/guest_frames.hpp"

#include <cinttypes>
#include <utility>

namespace sr {
namespace {

/// A running guest changes its p2m now and then, for a moment each time.
constexpr int most_attempts = 5;

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
    return sr::discover_p2m(abi, roots, frames, m2p.nr_entries());
}

ForeignMapping map_shared_info(ForeignMapper& mapper, const DomainInfo& info)
{
    const Mfn frame = info.shared_info;
    return map_frames(mapper, {&frame, 1}, Access::read);
}

std::optional<Mfn> find_compat_m2p(const Host& host, const GuestAbi& abi)
{
    return abi.width == GuestWidth::bits32 ? std::optional{compat_m2p_frame(host)} : std::nullopt;
}

}  // namespace

PvGuest::PvGuest(const Domain& domain, const DomainInfo& info)
    : abi_{guest_abi(domain.guest_width())}, mapper_{domain.host(), domain.domid()},
      m2p_table_{domain.host()}, m2p_{m2p_table_.octets()},
      compat_m2p_{find_compat_m2p(domain.host(), abi_)}, shared_info_{
                                                             map_shared_info(mapper_, info)}
{
    for (int attempt = 1;; ++attempt) {
        try {
            discover_p2m(info);
            return;
        } catch (const Error&) {
            // Caught here, where alone it is known that it may pass.
            if (info.suspended() || attempt == most_attempts) {
                throw;
            }
        }
    }
}

void PvGuest::discover_p2m(const DomainInfo& info)
{
    P2mLayout layout = find_p2m(abi_, shared_info_.page(0), info, mapper_, m2p_);
    ForeignMapping leaves = map_frames(mapper_, layout.leaves, Access::read);
    p2m_.emplace(abi_, leaves.octets(), layout.highest);
    translator_.emplace(m2p_, *p2m_);
    leaves_ = std::move(leaves);
    layout_ = std::move(layout);
    p2m_frames_ = p2m_frame_pfns(layout_, *translator_);
}

bool PvGuest::rediscover_p2m(const DomainInfo& info)
{
    const Pfn highest = layout_.highest;
    const std::vector<Pfn> frames = p2m_frames_;
    discover_p2m(info);
    if (layout_.highest < highest) {
        throw Error{Errc::guest,
                    "the p2m of the guest ended at pfn %#" PRIx64 " and ends at %#" PRIx64
                    " now: it became smaller while it was saved",
                    highest.number(), layout_.highest.number()};
    }
    return layout_.highest != highest || p2m_frames_ != frames;
}

}  // namespace sr
