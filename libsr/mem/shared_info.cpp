// SPDX-License-Identifier: LGPL-2.1-or-later
// Merging shared_info.
#include "libsr/mem/shared_info.hpp"

#include <algorithm>

namespace sr {
namespace {

void fill(std::span<std::byte> structure, Area area, std::byte with)
{
    std::ranges::fill(structure.subspan(area.offset, area.length_octets), with);
}

void copy(std::span<std::byte> to, std::span<const std::byte> from, Area area)
{
    std::ranges::copy(from.subspan(area.offset, area.length_octets),
                      to.subspan(area.offset).begin());
}

}  // namespace

void restore_shared_info(std::span<std::byte, page_size> ours,
                         std::span<const std::byte, page_size> theirs, const GuestAbi& abi)
{
    const SharedInfoLayout& at = abi.shared_info;
    copy(ours, theirs, at.vcpu_info);
    copy(ours, theirs, at.arch);
    store_field(ours, at.pfn_to_mfn_frame_list_list, 0);
    fill(ours, at.evtchn_pending, std::byte{0});
    fill(ours, at.evtchn_mask, std::byte{0xff});
    for (unsigned vcpu = 0; vcpu < max_legacy_vcpus; ++vcpu) {
        Field selector = at.evtchn_pending_sel;
        selector.offset += vcpu * at.vcpu_info_stride;
        store_field(ours, selector, 0);
    }
}

}  // namespace sr
