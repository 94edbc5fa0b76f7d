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
    /// @throws Error{guest} if the guest's p2m makes no sense, Error{hypervisor}
    PvGuest(const Domain& domain, const DomainInfo& info);

    [[nodiscard]] const GuestAbi& abi() const noexcept { return abi_; }
    [[nodiscard]] const P2mLayout& layout() const noexcept { return layout_; }
    [[nodiscard]] Pfn highest_pfn() const noexcept { return layout_.highest; }
    [[nodiscard]] const GuestP2m& p2m() const noexcept { return p2m_; }
    /// mfn to pfn, checked in both directions.
    [[nodiscard]] const FrameTranslator& translator() const noexcept { return translator_; }
    /// The guest's shared_info page, which it and Xen may be writing.
    [[nodiscard]] std::span<const std::byte> shared_info() const noexcept
    {
        return shared_info_.page(0);
    }
    /// The pfns of the frames of the p2m: what X86_PV_P2M_FRAMES lists. @throws Error{guest}
    [[nodiscard]] std::vector<Pfn> p2m_frames() const
    {
        return p2m_frame_pfns(layout_, translator_);
    }

private:
    const GuestAbi& abi_;
    ForeignMapper mapper_;
    M2pTable m2p_table_;
    M2p m2p_;
    ForeignMapping shared_info_;
    P2mLayout layout_;
    ForeignMapping leaves_;
    GuestP2m p2m_;
    FrameTranslator translator_;
};

}  // namespace sr
