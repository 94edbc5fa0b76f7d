// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding and mapping the machine-to-physical table.
#include "libsr/xen/m2p_table.hpp"

#include "libsr/base/frame.hpp"
#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <cerrno>
#include <vector>

namespace sr {
namespace {

constexpr std::size_t extent_octets = std::size_t{2} << 20;  // what XENMEM_machphys_mfn_list lists
constexpr std::size_t frames_per_extent = extent_octets / page_size;

/// The frames that hold the table, in order.
std::vector<std::uint64_t> table_frames(const Host& host)
{
    unsigned long nr_ram_frames = 0;
    if (xc_maximum_ram_page(host.xch(), &nr_ram_frames) < 0) {
        throw call_failed("XENMEM_maximum_ram_page", errno, "cannot tell the host's memory size");
    }
    const std::size_t table_octets = nr_ram_frames * sizeof(std::uint64_t);
    std::vector<xen_pfn_t> extents((table_octets + extent_octets - 1) / extent_octets);
    if (extents.empty() || xc_machphys_mfn_list(host.xch(), extents.size(), extents.data()) != 0) {
        throw call_failed("XENMEM_machphys_mfn_list", errno, "cannot find the m2p table");
    }
    std::vector<std::uint64_t> frames;
    frames.reserve(extents.size() * frames_per_extent);
    for (const xen_pfn_t first : extents) {
        for (std::size_t i = 0; i < frames_per_extent; ++i) {
            frames.push_back(first + i);
        }
    }
    return frames;
}

}  // namespace

M2pTable::M2pTable(const Host& host)
    : mapping_{ForeignMapper{host, DOMID_XEN}.map(table_frames(host), Access::read)}
{
}

Mfn compat_m2p_frame(const Host& host)
{
    const HypercallBuffer extent{host, sizeof(xen_pfn_t)};
    xen_machphys_mfn_list list{};
    list.max_extents = 1;
    set_xen_guest_handle_raw(list.extent_start, extent.as<xen_pfn_t>());
    if (xc_memory_op(host.xch(), XENMEM_machphys_compat_mfn_list, &list, sizeof(list)) != 0) {
        throw call_failed("XENMEM_machphys_compat_mfn_list", errno,
                          "cannot find the m2p table of 32-bit guests");
    }
    return Mfn{*extent.as<xen_pfn_t>()};
}

}  // namespace sr
