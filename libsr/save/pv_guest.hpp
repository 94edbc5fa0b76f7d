// SPDX-License-Identifier: LGPL-2.1-or-later
// A PV guest that is being saved: its p2m, the host's m2p, its shared info, all mapped read-only.
#pragma once

#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/m2p.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/mem/p2m_discovery.hpp"
#include "libsr/xen/domain.hpp"
#include "libsr/xen/foreign_mapping.hpp"
#include "libsr/xen/m2p_table.hpp"

#include <optional>
#include <span>
#include <vector>

namespace sr {

/// Everything that translates between a guest's pfns and its machine frames. Holds mappings of the
/// whole m2p, the guest's p2m leaves and its shared info for as long as it lives.
class PvGuest {
public:
    /// The guest may be running, and changing its p2m: what is found is then true of some moment.
    /// @throws Error{guest} if the guest's p2m makes no sense, Error{hypervisor}
    PvGuest(const Domain& domain, const DomainInfo& info);
    PvGuest(const PvGuest&) = delete;
    PvGuest& operator=(const PvGuest&) = delete;

    /// Looks for the p2m again: the guest ran, and has stopped.
    /// @return false if all is where it was: the frames of the p2m, and its size
    /// @throws as the constructor; Error{guest} if the p2m has become smaller, which no reader can be told
    [[nodiscard]] bool rediscover_p2m(const DomainInfo& info);

    [[nodiscard]] const GuestAbi& abi() const noexcept { return abi_; }
    [[nodiscard]] const P2mLayout& layout() const noexcept { return layout_; }
    [[nodiscard]] Pfn highest_pfn() const noexcept { return layout_.highest; }
    [[nodiscard]] const GuestP2m& p2m() const noexcept { return *p2m_; }
    /// mfn to pfn, checked in both directions.
    [[nodiscard]] const FrameTranslator& translator() const noexcept { return *translator_; }
    /// What tells Xen's slots in the tables of a 32-bit guest; none for a 64-bit one.
    [[nodiscard]] std::optional<Mfn> compat_m2p() const noexcept { return compat_m2p_; }
    /// The guest's shared_info page, which it and Xen may be writing.
    [[nodiscard]] std::span<const std::byte> shared_info() const noexcept
    {
        return shared_info_.page(0);
    }
    /// The pfns of the frames of the p2m: what X86_PV_P2M_FRAMES lists.
    [[nodiscard]] std::span<const Pfn> p2m_frames() const noexcept { return p2m_frames_; }

private:
    void discover_p2m(const DomainInfo& info);

    const GuestAbi& abi_;
    ForeignMapper mapper_;
    M2pTable m2p_table_;
    M2p m2p_;
    std::optional<Mfn> compat_m2p_;
    ForeignMapping shared_info_;
    P2mLayout layout_{P2mKind::linear_list, Pfn{0}, {}};
    ForeignMapping leaves_;
    std::optional<GuestP2m> p2m_;
    std::optional<FrameTranslator> translator_;
    std::vector<Pfn> p2m_frames_;
};

}  // namespace sr
