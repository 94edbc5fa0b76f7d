// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames given to a domain and taken from it.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

using Pfns = std::vector<xen_pfn_t>;

void tell_pages(const Domain& domain)
{
    say("  tot_pages %lu", domain.info().tot_pages);
}

void try_populate(const Domain& domain)
{
    Machine& machine = domain.machine();
    Pfns pfns;
    tell(domain.populate(pfns), "populate_physmap of nothing");
    pfns = {100};
    tell(domain.populate(pfns, 30), "populate_physmap, order 30");
    tell(domain.populate(pfns, 13), "populate_physmap, order 13");
    tell(domain.populate(pfns, 9), "populate_physmap, order 9, beyond the limit");
    tell_pages(domain);
    pfns = {200, 200};
    tell(domain.populate(pfns), "populate_physmap of a pfn twice");
    tell_pages(domain);
    tell(domain.decrease(pfns), "decrease_reservation of both");
    tell_pages(domain);
    pfns.assign(Domain::nr_pages + 8, 0);
    for (std::size_t n = 0; n < pfns.size(); ++n) {
        pfns[n] = 300 + n;
    }
    const Result done = domain.populate(pfns);
    tell(done, "populate_physmap of 8 more than the limit");
    tell_pages(domain);
    pfns.resize(static_cast<std::size_t>(done > 0 ? done : 0));
    tell(domain.decrease(pfns), "decrease_reservation of these");
    pfns = {~std::uint64_t{0}};
    const Result far = domain.populate(pfns);
    tell(far, "populate_physmap of pfn ~0");
    if (far == 1) {
        say("  type %s", domain.type_of_mfn(pfns[0]).c_str());
        tell(domain.decrease(pfns), "  decrease_reservation");
    }
    xen_memory_reservation_t request = {};
    request.nr_extents = 1;
    request.domid = domain.id();
    tell(machine.memory_op(XENMEM_populate_physmap, request), "populate_physmap from nowhere");
    tell_pages(domain);
    for (const unsigned id :
         {unsigned{DOMID_FIRST_RESERVED} - 1, unsigned{DOMID_XEN}, unsigned{DOMID_IO}}) {
        request.domid = static_cast<domid_t>(id);
        tell(machine.memory_op(XENMEM_populate_physmap, request), "populate_physmap of domain %#x",
             id);
        tell(machine.memory_op(XENMEM_decrease_reservation, request),
             "decrease_reservation of domain %#x", id);
    }
}

void try_increase(const Domain& domain)
{
    Machine& machine = domain.machine();
    auto* const list = machine.take<xen_pfn_t>(2);
    xen_memory_reservation_t request = {};
    request.nr_extents = 2;
    request.domid = domain.id();
    set_xen_guest_handle(request.extent_start, list);
    tell(machine.memory_op(XENMEM_increase_reservation, request), "increase_reservation by 2");
    tell_pages(domain);
    say("  type %s", domain.type_of_mfn(list[0]).c_str());
    tell(domain.decrease({list[0], list[1]}), "decrease_reservation of these");
    tell_pages(domain);
    request.nr_extents = 1;
    request.extent_order = 30;
    tell(machine.memory_op(XENMEM_increase_reservation, request), "increase_reservation, order 30");
}

void try_decrease(const Domain& domain, const Domain& other)
{
    tell(domain.decrease({}), "decrease_reservation of nothing");
    tell(domain.decrease({domain.mfn(1)}, 30), "decrease_reservation, order 30");
    tell(domain.decrease({other.mfn(1)}), "decrease_reservation of another's frame");
    tell(domain.decrease({~Mfn{0}}), "decrease_reservation of mfn ~0");
    tell(domain.decrease({Mfn{1} << 36}), "decrease_reservation of a frame that is none");
    tell(domain.decrease({domain.info().shared_info_frame}), "decrease_reservation of shared_info");
    tell(domain.decrease({domain.mfn(1), domain.mfn(2), domain.mfn(2), domain.mfn(3)}),
         "decrease_reservation of 1, 2, 2, 3");
    for (const Pfn pfn : {1U, 2U, 3U}) {
        say("  type of %lu %s", pfn, domain.type(pfn).c_str());
    }
    tell(domain.pin(1, 4), "pinning an empty L1");
    tell(domain.decrease({domain.mfn(4)}), "decrease_reservation of it");
    say("  type %s", domain.type(4).c_str());
    tell(domain.unpin(4), "unpinning it");
    {
        const Mapping mapping{
            domain.machine(), domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(5)}};
        tell(domain.decrease({domain.mfn(5)}), "decrease_reservation of a mapped frame");
        tell_pages(domain);
        say("  type %s", domain.type(5).c_str());
        tell(domain.decrease({domain.mfn(5)}), "decrease_reservation again");
        const Mapping second{domain.machine(), domain.id(), PROT_READ, {domain.mfn(5)}};
        tell(second.error(0), "mapping it once more");
    }
    say("  type after the mapping is gone %s", domain.type(5).c_str());
    tell_pages(domain);
}

void try_exchange(const Domain& domain)
{
    Machine& machine = domain.machine();
    auto* const in = machine.take<xen_pfn_t>(2);
    auto* const out = machine.take<xen_pfn_t>(2);
    const auto exchange = [&](const char* what, Mfn mfn, Pfn pfn, auto&& change) {
        xen_memory_exchange_t request = {};
        in[0] = mfn;
        out[0] = pfn;
        set_xen_guest_handle(request.in.extent_start, in);
        set_xen_guest_handle(request.out.extent_start, out);
        request.in.nr_extents = request.out.nr_extents = 1;
        request.in.domid = request.out.domid = domain.id();
        change(request);
        const Result result = machine.memory_op(XENMEM_exchange, request);
        tell(result, "exchange %s", what);
        say("  nr_exchanged %lu", static_cast<unsigned long>(request.nr_exchanged));
        return result == 0 && request.nr_exchanged == 1;
    };
    const auto as_it_is = [](xen_memory_exchange_t&) {};
    if (exchange("of a frame", domain.mfn(6), 6, as_it_is)) {
        say("  another frame: %s, type of the old %s, of the new %s",
            out[0] != domain.mfn(6) ? "yes" : "no", domain.type(6).c_str(),
            domain.type_of_mfn(out[0]).c_str());
    }
    (void)exchange("of what was given", domain.mfn(6), 6, as_it_is);
    (void)exchange("of mfn ~0", ~Mfn{0}, 7, as_it_is);
    (void)exchange("of different sizes", domain.mfn(7), 7,
                   [](xen_memory_exchange_t& r) { r.out.nr_extents = 2; });
    (void)exchange("for another domain", domain.mfn(7), 7,
                   [](xen_memory_exchange_t& r) { r.out.domid = 0; });
    {
        const Mapping mapping{machine, domain.id(), PROT_READ, {domain.mfn(8)}};
        (void)exchange("of a mapped frame", domain.mfn(8), 8, as_it_is);
    }
    tell(domain.pin(1, 9), "pinning an empty L1");
    (void)exchange("of a pinned table", domain.mfn(9), 9, as_it_is);
    say("  type %s", domain.type(9).c_str());
    tell_pages(domain);
}

void try_counts(const Domain& domain)
{
    Machine& machine = domain.machine();
    for (const unsigned cmd :
         {unsigned{XENMEM_current_reservation}, unsigned{XENMEM_maximum_reservation},
          unsigned{XENMEM_maximum_gpfn}}) {
        domid_t id = domain.id();
        tell(machine.memory_op(cmd, id), "memory_op %u", cmd);
        id = DOMID_FIRST_RESERVED - 1;
        tell(machine.memory_op(cmd, id), "memory_op %u of nobody", cmd);
    }
    for (const std::uint64_t kib : {std::uint64_t{40}, std::uint64_t{512}}) {
        xen_domctl op = {};
        op.u.max_mem.max_memkb = kib;
        tell(domain.domctl(XEN_DOMCTL_max_mem, op), "domctl max_mem %lu KiB", kib);
        say("  max_pages %lu", domain.info().max_pages);
    }
    Pfns pfns = {500};
    xen_domctl op = {};
    op.u.max_mem.max_memkb = 40;
    (void)domain.domctl(XEN_DOMCTL_max_mem, op);
    tell(domain.populate(pfns), "populate_physmap beyond a limit below what it has");
}

void try_physmap(const Domain& domain)
{
    Machine& machine = domain.machine();
    xen_add_to_physmap_t add = {};
    add.domid = domain.id();
    add.space = XENMAPSPACE_grant_table;
    tell(machine.memory_op(XENMEM_add_to_physmap, add), "add_to_physmap, grant table");
    add.space = XENMAPSPACE_shared_info;
    tell(machine.memory_op(XENMEM_add_to_physmap, add), "add_to_physmap, shared_info");
    xen_remove_from_physmap_t remove = {};
    remove.domid = domain.id();
    remove.gpfn = domain.mfn(10);
    tell(machine.memory_op(XENMEM_remove_from_physmap, remove), "remove_from_physmap of a frame");
    say("  type %s", domain.type(10).c_str());
    remove.gpfn = ~std::uint64_t{0};
    tell(machine.memory_op(XENMEM_remove_from_physmap, remove), "remove_from_physmap of mfn ~0");
    remove.domid = DOMID_FIRST_RESERVED - 1;
    tell(machine.memory_op(XENMEM_remove_from_physmap, remove), "remove_from_physmap of nobody");
}

void try_types(const Domain& domain, const Domain& other)
{
    Machine& machine = domain.machine();
    say("type of a page %s, of shared_info %s, of another's frame %s", domain.type(11).c_str(),
        domain.type_of_mfn(domain.info().shared_info_frame).c_str(),
        domain.type_of_mfn(other.mfn(11)).c_str());
    say("type of mfn ~0 %s, of a frame that is none %s", domain.type_of_mfn(~Mfn{0}).c_str(),
        domain.type_of_mfn(Mfn{1} << 36).c_str());
    for (const unsigned count : {0U, 1024U, 1025U, 2000000000U}) {
        xen_domctl op = {};
        op.u.getpageframeinfo3.num = count;
        set_xen_guest_handle(op.u.getpageframeinfo3.array, machine.take<xen_pfn_t>(1024));
        tell(domain.domctl(XEN_DOMCTL_getpageframeinfo3, op), "domctl getpageframeinfo3 of %u",
             count);
    }
    xen_domctl op = {};
    op.u.getpageframeinfo3.num = 1;
    tell(domain.domctl(XEN_DOMCTL_getpageframeinfo3, op), "domctl getpageframeinfo3 from nowhere");
}

}  // namespace

void try_memory(Machine& machine)
{
    Domain domain{machine};
    Pfns pfns = {0};
    tell(domain.populate(pfns), "populate_physmap of a domain without a limit set");
    Domain other{machine};
    domain.populate();
    other.populate();
    try_types(domain, other);
    try_populate(domain);
    try_increase(domain);
    try_decrease(domain, other);
    try_exchange(domain);
    try_physmap(domain);
    try_counts(domain);
}

}  // namespace calls
