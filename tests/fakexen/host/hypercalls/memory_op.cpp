// SPDX-License-Identifier: LGPL-2.1-or-later
// memory_op: a domain's pages, the M2P table, resources.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <algorithm>
#include <cerrno>

namespace fakexen::hypercall {
namespace {

constexpr unsigned extent_shift =
    6;  ///< Xen's MEMOP_EXTENT_SHIFT: extents done before, above the command
constexpr std::uint64_t command_mask = (1U << extent_shift) - 1;
constexpr unsigned order_max_dom0 = 12;  ///< CONFIG_CTLDOM_MAX_ORDER of Debian's hypervisor
constexpr unsigned order_max_domu = 9;

/// What populate_physmap, increase_ and decrease_reservation start with.
struct Reservation {
    xen_memory_reservation_t request;
    Domain& domain;
    std::uint64_t extents;  ///< address of the array
    std::uint64_t start;    ///< extents done before: the result counts them

    [[nodiscard]] std::uint64_t at(std::uint64_t extent) const
    {
        return extents + extent * sizeof(xen_pfn_t);
    }
    [[nodiscard]] std::uint64_t pages_each() const
    {
        return std::uint64_t{1} << request.extent_order;
    }
};

Reservation read_reservation(const Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto request = caller.read<xen_memory_reservation_t>(args[1]);
    return {request, target_domain(xen, caller, request.domid), address_of(request.extent_start),
            args[0] >> extent_shift};
}

/// Whether Xen would look at the extents at all; if not it returns the start, that is nothing done.
bool is_sane(const Reservation& reservation, const Caller& caller)
{
    const unsigned order_max = caller.is_dom0() ? order_max_dom0 : order_max_domu;
    return reservation.start < reservation.request.nr_extents &&
           reservation.request.extent_order <= order_max;
}

/// Frames of one extent, all or none.
std::vector<Mfn> add_extent(Hypervisor& xen, Domain& domain, std::uint64_t pfn,
                            std::uint64_t nr_pages)
{
    std::vector<Mfn> frames;
    for (std::uint64_t i = 0; i < nr_pages; ++i) {
        const auto mfn = xen.add_page(domain, pfn + i);
        if (!mfn) {
            for (const Mfn taken : frames) {
                (void)xen.remove_page(domain, taken);
            }
            return {};
        }
        frames.push_back(*mfn);
    }
    return frames;
}

// Extents of more than one page would have to be contiguous; with a shuffled free list there are none, as on a
// fragmented host. The caller falls back to single pages.
std::int64_t populate_physmap(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Reservation reservation = read_reservation(xen, caller, args);
    std::uint64_t done = reservation.start;
    if (!is_sane(reservation, caller) || reservation.request.extent_order > 0) {
        return static_cast<std::int64_t>(done);
    }
    auto pfns =
        caller.read_array<xen_pfn_t>(reservation.at(done), reservation.request.nr_extents - done);
    std::uint64_t added = 0;
    for (; added < pfns.size(); ++added) {
        const auto frames = add_extent(xen, reservation.domain, pfns[added], 1);
        if (frames.empty()) {
            break;
        }
        pfns[added] = frames.front().number();
    }
    caller.write_array<xen_pfn_t>(reservation.at(done), std::span{pfns}.first(added));
    done += added;
    return static_cast<std::int64_t>(done);
}

std::int64_t increase_reservation(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Reservation reservation = read_reservation(xen, caller, args);
    std::uint64_t done = reservation.start;
    if (!is_sane(reservation, caller) || reservation.request.extent_order > 0) {
        return static_cast<std::int64_t>(done);
    }
    for (; done < reservation.request.nr_extents; ++done) {
        const auto mfn = xen.add_page(reservation.domain, invalid_m2p_entry);
        if (!mfn) {
            break;
        }
        if (reservation.extents != 0) {
            caller.write(reservation.at(done), xen_pfn_t{mfn->number()});
        }
    }
    return static_cast<std::int64_t>(done);
}

std::int64_t decrease_reservation(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Reservation reservation = read_reservation(xen, caller, args);
    std::uint64_t done = reservation.start;
    if (!is_sane(reservation, caller)) {
        return static_cast<std::int64_t>(done);
    }
    const auto frames =
        caller.read_array<xen_pfn_t>(reservation.at(done), reservation.request.nr_extents - done);
    for (const xen_pfn_t frame : frames) {
        for (std::uint64_t i = 0; i < reservation.pages_each(); ++i) {
            if (xen.remove_page(reservation.domain, Mfn{frame + i}) != 0) {
                return static_cast<std::int64_t>(done);
            }
        }
        ++done;
    }
    return static_cast<std::int64_t>(done);
}

/// Takes a frame from its domain for good, which needs that nobody else holds it: not a table, a pin, a mapping.
bool can_be_taken(Hypervisor& xen, const Domain& domain, Mfn mfn)
{
    const auto is_alone = [&] {
        const FrameState& frame = xen.machine.frame(mfn);
        return frame.owner == &domain && frame.allocated && !frame.xen_heap &&
               frame.references == 1;
    };
    return xen.machine.is_ram(mfn) && (is_alone() || (xen.maps.reclaim_stale() && is_alone()));
}

// XENMEM_exchange of single pages: each frame named in `in` is given back, one new frame comes for the pfn in `out`.
std::int64_t exchange(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    auto request = caller.read<xen_memory_exchange_t>(args[1]);
    if (request.in.domid != request.out.domid || request.nr_exchanged > request.in.nr_extents ||
        request.in.nr_extents << request.in.extent_order != request.out.nr_extents
                                                                << request.out.extent_order) {
        return -EINVAL;
    }
    if (request.in.extent_order != 0 || request.out.extent_order != 0) {
        return -ENOMEM;  // contiguous memory is not to be had
    }
    Domain& domain = target_domain(xen, caller, request.in.domid);
    std::int64_t error = 0;
    for (; request.nr_exchanged < request.in.nr_extents; ++request.nr_exchanged) {
        const std::uint64_t offset = request.nr_exchanged * sizeof(xen_pfn_t);
        const Mfn old{caller.read<xen_pfn_t>(address_of(request.in.extent_start) + offset)};
        const auto pfn = caller.read<xen_pfn_t>(address_of(request.out.extent_start) + offset);
        if (!can_be_taken(xen, domain, old)) {
            error = -EINVAL;
            break;
        }
        if (xen.machine.nr_free() == 0) {
            error = -ENOMEM;
            break;
        }
        (void)xen.remove_page(domain, old);
        const auto mfn = xen.add_page(domain, pfn);
        caller.write(address_of(request.out.extent_start) + offset,
                     xen_pfn_t{mfn ? mfn->number() : 0});
    }
    caller.write(args[1], request);
    return error;
}

std::int64_t maximum_gpfn(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto domid = caller.read<domid_t>(args[1]);
    const Domain& domain = target_domain(xen, caller, domid);
    const auto max_pfn = xen.machine.structure<shared_info_t>(*domain.shared_info).arch.max_pfn;
    return static_cast<std::int64_t>(std::max<std::uint64_t>(max_pfn, 1) - 1);
}

// First frame of each 2 MiB of the M2P table.
std::int64_t machphys_mfn_list(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    constexpr std::uint64_t frames_per_extent = 512;
    auto request = caller.read<xen_machphys_mfn_list_t>(args[1]);
    const std::uint64_t nr_extents = std::min<std::uint64_t>(
        request.max_extents, xen.machine.m2p_nr_frames() / frames_per_extent);
    for (std::uint64_t i = 0; i < nr_extents; ++i) {
        const xen_pfn_t mfn = xen.machine.m2p_first_mfn() + i * frames_per_extent;
        caller.write(address_of(request.extent_start) + i * sizeof mfn, mfn);
    }
    request.nr_extents = static_cast<unsigned>(nr_extents);
    caller.write(args[1], request);
    return 0;
}

std::int64_t machphys_mapping(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    caller.write(args[1], xen_machphys_mapping_t{.v_start = 0xffff800000000000,
                                                 .v_end = 0xffff804000000000,
                                                 .max_mfn = xen.machine.max_mfn()});
    return 0;
}

struct Operation {
    std::uint64_t command;
    const char* name;
    Family serve;
};

std::int64_t maximum_ram_page(Hypervisor& xen, const Caller&, const HypercallArgs&)
{
    return static_cast<std::int64_t>(xen.machine.max_mfn() + 1);
}

std::int64_t current_reservation(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Domain& domain = target_domain(xen, caller, caller.read<domid_t>(args[1]));
    return static_cast<std::int64_t>(domain.nr_pages);
}

std::int64_t maximum_reservation(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Domain& domain = target_domain(xen, caller, caller.read<domid_t>(args[1]));
    return static_cast<std::int64_t>(domain.max_pages);
}

std::int64_t no_compat(Hypervisor&, const Caller&, const HypercallArgs&)
{
    return -EOPNOTSUPP;  // no 32-bit guests yet, as on a hypervisor with pv=no-32
}

std::int64_t for_translated_only(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    (void)target_domain(xen, caller, caller.read<domid_t>(args[1]));
    return -EACCES;  // a PV guest has no physmap
}

std::int64_t set_memory_map(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    (void)target_domain(xen, caller, caller.read<domid_t>(args[1]));
    return 0;
}

constexpr Operation operations[] = {
    {XENMEM_increase_reservation, "increase_reservation", increase_reservation},
    {XENMEM_decrease_reservation, "decrease_reservation", decrease_reservation},
    {XENMEM_populate_physmap, "populate_physmap", populate_physmap},
    {XENMEM_exchange, "exchange", exchange},
    {XENMEM_maximum_ram_page, "maximum_ram_page", maximum_ram_page},
    {XENMEM_current_reservation, "current_reservation", current_reservation},
    {XENMEM_maximum_reservation, "maximum_reservation", maximum_reservation},
    {XENMEM_maximum_gpfn, "maximum_gpfn", maximum_gpfn},
    {XENMEM_machphys_mfn_list, "machphys_mfn_list", machphys_mfn_list},
    {XENMEM_machphys_compat_mfn_list, "machphys_compat_mfn_list", no_compat},
    {XENMEM_machphys_mapping, "machphys_mapping", machphys_mapping},
    {XENMEM_add_to_physmap, "add_to_physmap", for_translated_only},
    {XENMEM_remove_from_physmap, "remove_from_physmap", for_translated_only},
    {XENMEM_set_memory_map, "set_memory_map", set_memory_map},
};

}  // namespace

std::int64_t memory_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const std::uint64_t command = args[0] & command_mask;
    const auto* at = std::find_if(std::begin(operations), std::end(operations),
                                  [&](const Operation& op) { return op.command == command; });
    if (at == std::end(operations)) {
        caller.enter("memory_op", "other");
        xen.log().warning("memory_op %llu answered with ENOSYS",
                          static_cast<unsigned long long>(command));
        return -ENOSYS;
    }
    caller.enter("memory_op", at->name);
    return at->serve(xen, caller, args);
}

}  // namespace fakexen::hypercall
