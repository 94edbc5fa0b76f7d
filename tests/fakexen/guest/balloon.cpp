// SPDX-License-Identifier: LGPL-2.1-or-later
// Ballooning: XENMEM_decrease_reservation and XENMEM_populate_physmap.
#include "tests/fakexen/guest/balloon.hpp"

#include "tests/fakexen/guest/pages.hpp"

#include <algorithm>
#include <cinttypes>

namespace fakexen::guest {

namespace {

std::int64_t memory_op(const Kernel& kernel, unsigned cmd, xen_pfn_t& frame)
{
    xen_memory_reservation_t reservation = {};
    set_xen_guest_handle(reservation.extent_start, &frame);
    reservation.nr_extents = 1;
    reservation.domid = DOMID_SELF;
    return kernel.machine().hypercall(__HYPERVISOR_memory_op, {cmd, address_of(&reservation)});
}

std::optional<Pfn> pick_ballooned(Kernel& kernel)
{
    const std::uint64_t nr_pfns = kernel.state.settings.nr_pfns;
    const Pfn start = kernel.random().below(nr_pfns);
    for (Pfn n = 0; n < nr_pfns; ++n) {
        const Pfn pfn = (start + n) % nr_pfns;
        if (kernel.record(pfn).role == Role::ballooned) {
            return pfn;
        }
    }
    return {};
}

}  // namespace

void balloon_out(Kernel& kernel, Pfn pfn)
{
    Mfn mfn = kernel.p2m(pfn);
    kernel.remap(pfn, 0);
    kernel.set_p2m(pfn, no_mfn);
    if (memory_op(kernel, XENMEM_decrease_reservation, mfn) != 1) {
        throw Panic{"the frame of pfn %#" PRIx64 " cannot be given back", pfn};
    }
    PageRecord record = kernel.record(pfn);
    record.role = Role::ballooned;
    kernel.set_record(pfn, record);
    ++kernel.state.nr_ballooned;
}

bool balloon_out(Kernel& kernel)
{
    const auto pfn = kernel.pick_free_data();
    if (pfn) {
        balloon_out(kernel, *pfn);
    }
    return pfn.has_value();
}

void give_back_range(Kernel& kernel)
{
    const std::uint64_t nr_pfns = kernel.state.settings.nr_pfns;
    std::uint64_t left = kernel.state.settings.nr_given_back;
    for (Pfn pfn = nr_pfns / 2; pfn < nr_pfns && left != 0; ++pfn) {
        const PageRecord record = kernel.record(pfn);
        if (record.role == Role::data && record.owner == 0) {
            balloon_out(kernel, pfn);
            --left;
        }
    }
}

bool balloon_in(Kernel& kernel)
{
    const auto pfn = kernel.state.nr_ballooned == 0 ? std::nullopt : pick_ballooned(kernel);
    if (!pfn) {
        return false;
    }
    xen_pfn_t frame = *pfn;
    if (memory_op(kernel, XENMEM_populate_physmap, frame) != 1) {
        return false;
    }
    if (kernel.machine().m2p(frame) != *pfn) {
        throw Panic{"the M2P does not know pfn %#" PRIx64 ", which was just populated", *pfn};
    }
    kernel.set_p2m(*pfn, frame);
    kernel.remap(*pfn, pte::read_write);
    PageRecord record = kernel.record(*pfn);
    record.role = Role::data;
    kernel.set_record(*pfn, record);
    --kernel.state.nr_ballooned;
    rewrite_page(kernel, *pfn);
    return true;
}

void work_on_balloon(Kernel& kernel)
{
    if ((kernel.state.settings.workload & workload_balloon) == 0) {
        return;
    }
    // About as many out as in, with some 32 pages out on average, beside those that went at boot.
    const std::uint64_t at_boot = kernel.state.settings.nr_given_back;
    const std::uint64_t nr_out =
        kernel.state.nr_ballooned - std::min(at_boot, kernel.state.nr_ballooned);
    if (kernel.random().one_in(2) && kernel.random().below(64) >= nr_out) {
        (void)balloon_out(kernel);
    } else if (kernel.random().below(64) < nr_out) {
        (void)balloon_in(kernel);
    }
}

}  // namespace fakexen::guest
