// SPDX-License-Identifier: LGPL-2.1-or-later
// memory_op: a domain's pages, the M2P table, resources.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/vcpu_context_32.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

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

/// Nothing for a domain that is not there: these calls have no errors for it, they just have done nothing.
std::optional<Reservation> read_reservation(const Hypervisor& xen, const Caller& caller,
                                            const HypercallArgs& args)
{
    const auto request = caller.read<xen_memory_reservation_t>(args[1]);
    try {
        return Reservation{request, target_domain(xen, caller, request.domid),
                           address_of(request.extent_start), args[0] >> extent_shift};
    } catch (const Refused&) {
        return std::nullopt;
    }
}

/// The rest of the extents, up to the first that cannot be read.
std::vector<xen_pfn_t> read_extents(const Reservation& reservation, const Caller& caller)
{
    const std::uint64_t left = reservation.request.nr_extents - reservation.start;
    try {
        return caller.read_array<xen_pfn_t>(reservation.at(reservation.start), left);
    } catch (const Refused&) {
        std::vector<xen_pfn_t> extents;
        try {
            while (extents.size() < left) {
                extents.push_back(
                    caller.read<xen_pfn_t>(reservation.at(reservation.start + extents.size())));
            }
        } catch (const Refused&) {  // NOLINT(bugprone-empty-catch): so many there are
        }
        return extents;
    }
}

/// Whether Xen would look at the extents at all; if not it returns the start, that is nothing done.
bool is_sane(const Reservation& reservation, const Caller& caller)
{
    const unsigned order_max = caller.is_dom0() ? order_max_dom0 : order_max_domu;
    return reservation.start < reservation.request.nr_extents &&
           reservation.request.extent_order <= order_max;
}

// Extents of more than one page are contiguous, and there are some as long as frames stay together in runs of that size
// (--shuffle). With none left nothing is done, as on a fragmented host: the caller falls back to smaller ones.
std::int64_t populate_physmap(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto found = read_reservation(xen, caller, args);
    std::uint64_t done = args[0] >> extent_shift;
    if (!found || !is_sane(*found, caller)) {
        return static_cast<std::int64_t>(done);
    }
    const Reservation& reservation = *found;
    auto pfns = read_extents(reservation, caller);
    std::uint64_t added = 0;
    for (; added < pfns.size(); ++added) {
        const auto mfn =
            xen.add_extent(reservation.domain, pfns[added], reservation.request.extent_order);
        if (!mfn) {
            break;
        }
        pfns[added] = mfn->number();
    }
    caller.write_array<xen_pfn_t>(reservation.at(done), std::span{pfns}.first(added));
    done += added;
    return static_cast<std::int64_t>(done);
}

std::int64_t increase_reservation(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto found = read_reservation(xen, caller, args);
    std::uint64_t done = args[0] >> extent_shift;
    if (!found || !is_sane(*found, caller)) {
        return static_cast<std::int64_t>(done);
    }
    const Reservation& reservation = *found;
    for (; done < reservation.request.nr_extents; ++done) {
        const auto mfn =
            xen.add_extent(reservation.domain, invalid_m2p_entry, reservation.request.extent_order);
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
    const auto found = read_reservation(xen, caller, args);
    std::uint64_t done = args[0] >> extent_shift;
    if (!found || !is_sane(*found, caller)) {
        return static_cast<std::int64_t>(done);
    }
    const Reservation& reservation = *found;
    for (const xen_pfn_t frame : read_extents(reservation, caller)) {
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
    const Mfn shared{*domain.shared_info};
    const std::uint64_t max_pfn =
        domain.is_32bit ? xen.machine.structure<shared_info_x86_32_t>(shared).arch.max_pfn
                        : xen.machine.structure<shared_info_t>(shared).arch.max_pfn;
    return static_cast<std::int64_t>(std::max<std::uint64_t>(max_pfn, 1) - 1);
}

/// Writes the first frame of each 2 MiB of an M2P table.
std::int64_t write_m2p_list(const Caller& caller, const HypercallArgs& args,
                            std::uint64_t first_mfn, std::uint64_t nr_frames)
{
    constexpr std::uint64_t frames_per_extent = 512;
    auto request = caller.read<xen_machphys_mfn_list_t>(args[1]);
    const std::uint64_t nr_extents =
        std::min<std::uint64_t>(request.max_extents, nr_frames / frames_per_extent);
    for (std::uint64_t i = 0; i < nr_extents; ++i) {
        const xen_pfn_t mfn = first_mfn + i * frames_per_extent;
        caller.write(address_of(request.extent_start) + i * sizeof mfn, mfn);
    }
    request.nr_extents = static_cast<unsigned>(nr_extents);
    caller.write(args[1], request);
    return 0;
}

std::int64_t machphys_compat_mfn_list(Hypervisor& xen, const Caller& caller,
                                      const HypercallArgs& args)
{
    return write_m2p_list(caller, args, xen.machine.compat_m2p_first_mfn(),
                          xen.machine.compat_m2p_nr_frames());
}

std::int64_t machphys_mfn_list(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    if (caller.domain().is_32bit) {
        return machphys_compat_mfn_list(xen, caller, args);
    }
    return write_m2p_list(caller, args, xen.machine.m2p_first_mfn(), xen.machine.m2p_nr_frames());
}

std::int64_t machphys_mapping(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    if (caller.domain().is_32bit) {
        caller.write(args[1], xen_machphys_mapping_t{.v_start = 0xf580'0000,
                                                     .v_end = 0xffe0'0000,
                                                     .max_mfn = compat_m2p_visible_entries - 1});
        return 0;
    }
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
    {XENMEM_machphys_compat_mfn_list, "machphys_compat_mfn_list", machphys_compat_mfn_list},
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
