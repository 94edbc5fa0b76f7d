// SPDX-License-Identifier: LGPL-2.1-or-later
// Exchanging frames.
#include "tests/fakexen/guest/exchange.hpp"

#include "tests/fakexen/guest/pages.hpp"

namespace fakexen::guest {

namespace {

/// @return the new frame of a pfn that is mapped nowhere; nothing if Xen refuses, as it does while somebody maps it
std::optional<Mfn> exchange(const Kernel& kernel, Pfn pfn)
{
    xen_pfn_t given = kernel.p2m(pfn);
    xen_pfn_t taken = pfn;  // in: the pfn, out: its new frame
    xen_memory_exchange_t request = {};
    set_xen_guest_handle(request.in.extent_start, &given);
    set_xen_guest_handle(request.out.extent_start, &taken);
    request.in.nr_extents = request.out.nr_extents = 1;
    request.in.domid = request.out.domid = DOMID_SELF;
    const auto result =
        kernel.machine().hypercall(__HYPERVISOR_memory_op, {XENMEM_exchange, address_of(&request)});
    return result == 0 ? std::optional{taken} : std::nullopt;
}

void exchange_some_page(Kernel& kernel)
{
    const auto pfn = kernel.pick_free_data();
    if (!pfn) {
        return;
    }
    kernel.remap(*pfn, 0);
    const auto mfn = exchange(kernel, *pfn);
    if (mfn) {
        kernel.set_p2m(*pfn, *mfn);
    }
    if (mfn && (kernel.state.settings.workload & workload_silent_exchange) != 0) {
        kernel.remap(*pfn, pte::read_only);
        kernel.set_record(*pfn, {hash_of(kernel.page(*pfn, Access::read)), Role::stale, 0, 0});
        return;
    }
    kernel.remap(*pfn, pte::read_write);
    rewrite_page(kernel, *pfn);
}

}  // namespace

void work_on_exchanges(Kernel& kernel)
{
    for (std::uint32_t n = 0; n < kernel.state.settings.exchange_rate; ++n) {
        exchange_some_page(kernel);
    }
}

}  // namespace fakexen::guest
