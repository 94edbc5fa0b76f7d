// SPDX-License-Identifier: LGPL-2.1-or-later
// Making a domain, and reaching its memory.
#include "tests/xenhost/calls/domain.hpp"

#include <numeric>
#include <stdexcept>
#include <sys/mman.h>

namespace calls {
namespace {

constexpr unsigned kib_per_page = 4;

void must(Result result, const char* what)
{
    if (result < 0) {
        throw std::runtime_error{std::string{what} + ": " + text_of(result)};
    }
}

}  // namespace

std::string name_of_type(std::uint64_t type)
{
    static constexpr const char* names[] = {"NOTAB", "L1TAB", "L2TAB", "L3TAB", "L4TAB", "5",
                                            "6",     "7",     "8",     "9",     "10",    "11",
                                            "12",    "13",    "14",    "XTAB"};
    if ((type & XEN_DOMCTL_PFINFO_LTAB_MASK) == XEN_DOMCTL_PFINFO_XTAB) {
        return "XTAB";
    }
    const std::uint64_t level =
        (type & XEN_DOMCTL_PFINFO_LTABTYPE_MASK) >> XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    const bool pinned = (type & XEN_DOMCTL_PFINFO_LPINTAB) != 0;
    return std::string{names[level & 15]} + (pinned ? " pinned" : "");
}

xen_domctl domain_request(unsigned nr_vcpus)
{
    xen_domctl op = {};
    op.cmd = XEN_DOMCTL_createdomain;
    auto& config = op.u.createdomain;
    config.max_vcpus = nr_vcpus;
    config.max_evtchn_port = 1023;
    config.max_grant_frames = 4;
    config.max_maptrack_frames = 4;
    config.grant_opts = XEN_DOMCTL_GRANT_version(1);
    return op;
}

Domain::Domain(Machine& machine) : machine_{machine}
{
    constexpr unsigned nr_vcpus = 2;
    machine_.release();
    xen_domctl op = domain_request(nr_vcpus);
    must(machine_.domctl(op), "createdomain");
    id_ = op.domain;
    op = {};
    op.u.max_vcpus.max = nr_vcpus;
    must(domctl(XEN_DOMCTL_max_vcpus, op), "max_vcpus");
}

Domain::~Domain()
{
    (void)domctl(XEN_DOMCTL_destroydomain);
}

void Domain::populate()
{
    xen_domctl op = {};
    op.u.max_mem.max_memkb = nr_pages * 2 * kib_per_page;
    must(domctl(XEN_DOMCTL_max_mem, op), "max_mem");
    std::vector<xen_pfn_t> pfns(nr_pages);
    std::iota(pfns.begin(), pfns.end(), 0);
    if (populate(pfns) != static_cast<Result>(nr_pages)) {
        throw std::runtime_error{"the domain got no memory"};
    }
    std::copy(pfns.begin(), pfns.end(), mfns_.begin());
    for (Pfn pfn = 0; pfn < nr_pages; ++pfn) {
        clear(pfn);
    }
}

Result Domain::populate(std::vector<xen_pfn_t>& pfns, unsigned order) const
{
    auto* const list = machine_.take<xen_pfn_t>(pfns.size());
    std::copy(pfns.begin(), pfns.end(), list);
    xen_memory_reservation_t request = {};
    set_xen_guest_handle(request.extent_start, list);
    request.nr_extents = pfns.size();
    request.extent_order = order;
    request.domid = id_;
    const Result result = machine_.memory_op(XENMEM_populate_physmap, request);
    std::copy_n(list, pfns.size(), pfns.begin());
    return result;
}

Result Domain::decrease(std::vector<xen_pfn_t> mfns, unsigned order) const
{
    auto* const list = machine_.take<xen_pfn_t>(mfns.size());
    std::copy(mfns.begin(), mfns.end(), list);
    xen_memory_reservation_t request = {};
    set_xen_guest_handle(request.extent_start, list);
    request.nr_extents = mfns.size();
    request.extent_order = order;
    request.domid = id_;
    return machine_.memory_op(XENMEM_decrease_reservation, request);
}

void Domain::write(Pfn pfn, const Page& contents) const
{
    const Mapping mapping{machine_, id_, PROT_READ | PROT_WRITE, {mfn(pfn)}, false};
    must(mapping.result(), "mapping a page to write");
    std::copy(contents.begin(), contents.end(), mapping.words());
}

void Domain::write_one(Pfn pfn, std::size_t slot, std::uint64_t word) const
{
    Page page{};
    page.at(slot) = word;
    write(pfn, page);
}

Page Domain::read(Pfn pfn) const
{
    const Mapping mapping{machine_, id_, PROT_READ, {mfn(pfn)}, false};
    must(mapping.result(), "mapping a page to read");
    Page page{};
    std::copy_n(mapping.words(), page.size(), page.begin());
    return page;
}

Result Domain::domctl(unsigned cmd, xen_domctl& op) const
{
    op.cmd = cmd;
    op.domain = id_;
    return machine_.domctl(op);
}

Result Domain::domctl(unsigned cmd) const
{
    xen_domctl op = {};
    return domctl(cmd, op);
}

xen_domctl_getdomaininfo Domain::info() const
{
    xen_domctl op = {};
    (void)domctl(XEN_DOMCTL_getdomaininfo, op);
    return op.u.getdomaininfo;
}

std::string Domain::type_of_mfn(Mfn mfn) const
{
    auto* const list = machine_.take<xen_pfn_t>();
    *list = mfn;
    xen_domctl op = {};
    op.u.getpageframeinfo3.num = 1;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, list);
    const Result result = domctl(XEN_DOMCTL_getpageframeinfo3, op);
    return result < 0 ? text_of(result) : name_of_type(*list);
}

std::string Domain::type(Pfn pfn) const
{
    return type_of_mfn(mfn(pfn));
}

Result Domain::update(Pfn table, std::size_t slot, std::uint64_t entry, unsigned cmd) const
{
    const std::uint64_t foreign = id_ | (std::uint64_t{id_} + 1) << 16;
    return machine_.mmu_update((mfn(table) << 12) + slot * sizeof entry + cmd, entry, foreign);
}

}  // namespace calls
