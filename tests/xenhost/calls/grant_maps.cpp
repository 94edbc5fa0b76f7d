// SPDX-License-Identifier: LGPL-2.1-or-later
// Mapping what a domain grants. For a device, since that takes no page table of dom0's kernel, and is the same otherwise.
#include "tests/xenhost/calls/grants.hpp"
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

constexpr std::uint16_t rw = GTF_permit_access;
constexpr std::uint16_t ro = GTF_permit_access | GTF_readonly;
constexpr unsigned device = GNTMAP_device_map;
constexpr grant_ref_t ref = 8;  ///< the first that is not the toolstack's
constexpr Pfn page = 20, table = 21;

/// A domain with an entry to try.
class Granter {
public:
    explicit Granter(const Domain& domain)
        : domain_{domain}, frames_{domain.machine(), domain.id(),
                                   XENMEM_resource_grant_table_id_shared, 0, 1}
    {
        tell(frames_.result(), "mapping the table");
    }

    [[nodiscard]] const Domain& domain() const noexcept { return domain_; }
    [[nodiscard]] grant_entry_v1_t& entry() const noexcept { return frames_.entries()[ref]; }
    /// The flags last, as a guest does.
    void grant(std::uint16_t flags, domid_t to, Mfn frame) const
    {
        entry() = {flags, to, static_cast<std::uint32_t>(frame)};
    }

private:
    const Domain& domain_;
    GrantFrames frames_;
};

struct Map {
    std::int16_t status;
    grant_handle_t handle;
    std::uint64_t address;
};

Map map(const Granter& granter, std::uint32_t flags, grant_ref_t which = ref)
{
    gnttab_map_grant_ref_t request = {};
    request.dom = granter.domain().id();
    request.ref = which;
    request.flags = flags;
    granter.domain().machine().release();
    (void)grant_op(granter.domain().machine(), GNTTABOP_map_grant_ref, request);
    return {request.status, request.handle, request.dev_bus_addr};
}

std::int16_t unmap(const Granter& granter, grant_handle_t handle, std::uint64_t address)
{
    gnttab_unmap_grant_ref_t request = {};
    request.handle = handle;
    request.dev_bus_addr = address;
    granter.domain().machine().release();
    (void)grant_op(granter.domain().machine(), GNTTABOP_unmap_grant_ref, request);
    return request.status;
}

std::int16_t unmap(const Granter& granter, const Map& mapped)
{
    return unmap(granter, mapped.handle, mapped.address);
}

/// Maps the entry, and unmaps it again where that came off.
void try_map(const Granter& granter, std::uint32_t flags, const char* what, grant_ref_t which = ref)
{
    const Map mapped = map(granter, flags, which);
    const unsigned in_use = granter.entry().flags;
    say("%s, mapped %s: status %d, flags %#x", what,
        (flags & GNTMAP_readonly) != 0 ? "read-only" : "writable", mapped.status, in_use);
    if (mapped.status == GNTST_okay) {
        const bool right = mapped.address >> 12 == granter.entry().frame;
        const int status = unmap(granter, mapped);
        say("  the address is %s; unmapped: status %d, flags %#x",
            right ? "the frame's" : "another's", status, granter.entry().flags);
    }
}

void try_both(const Granter& granter, const char* what)
{
    try_map(granter, device, what);
    try_map(granter, device | GNTMAP_readonly, what);
}

void try_entries(const Granter& granter, const Domain& other)
{
    const Domain& domain = granter.domain();
    const struct {
        const char* what;
        std::uint16_t flags;
        domid_t to;
        Mfn frame;
    } rows[] = {
        {"a page", rw, 0, domain.mfn(page)},
        {"a read-only page", ro, 0, domain.mfn(page)},
        {"another's grant", rw, domain.id(), domain.mfn(page)},
        {"a grant to nobody", rw, DOMID_INVALID, domain.mfn(page)},
        {"an invalid entry", GTF_invalid, 0, domain.mfn(page)},
        {"an entry to transfer to", GTF_accept_transfer, 0, domain.mfn(page)},
        {"a transitive entry", GTF_transitive, 0, domain.mfn(page)},
        {"a part of a page", rw | GTF_sub_page, 0, domain.mfn(page)},
        {"a page in use", rw | GTF_reading | GTF_writing, 0, domain.mfn(page)},
        {"an uncached page", rw | GTF_PCD | GTF_PWT, 0, domain.mfn(page)},
        {"a page with unknown flags", rw | 0x8000, 0, domain.mfn(page)},
        {"another's page", rw, 0, other.mfn(page)},
        {"no frame", rw, 0, ~Mfn{0}},
        {"shared_info", rw, 0, domain.info().shared_info_frame},
    };
    for (const auto& row : rows) {
        granter.grant(row.flags, row.to, row.frame);
        try_both(granter, row.what);
    }
    granter.grant(rw, 0, domain.mfn(table));
    tell(domain.pin(1, table), "pinning an L1");
    try_both(granter, "a table");
    tell(domain.unpin(table), "unpinning it");
    granter.grant(rw, 0, domain.mfn(page));
    try_map(granter, 0, "for nothing");
    try_map(granter, GNTMAP_readonly, "for nothing");
    try_map(granter, device, "the first beyond the table", 512);
    try_map(granter, device, "far beyond the table", ~0U);
    try_map(granter, device | GNTMAP_application_map | GNTMAP_contains_pte, "with more flags");
    try_map(granter, device | 1U << 15, "with unknown flags");
}

void try_twice(const Granter& granter)
{
    const auto tell_flags = [&](int status, const char* what) {
        say("%s: status %d, flags %#x", what, status, granter.entry().flags);
    };
    granter.grant(rw, 0, granter.domain().mfn(page));
    const Map reader = map(granter, device | GNTMAP_readonly);
    tell_flags(reader.status, "mapped read-only");
    const Map writer = map(granter, device);
    tell_flags(writer.status, "and writable");
    say("  type %s", granter.domain().type(page).c_str());
    tell(granter.domain().pin(1, page), "pinning it as a table");
    tell_flags(unmap(granter, writer), "the second unmapped");
    tell(granter.domain().pin(1, page), "pinning it as a table");
    tell_flags(map(granter, device).status, "mapped writable while it is a table");
    tell(granter.domain().unpin(page), "unpinning it");
    tell_flags(unmap(granter, writer), "the second unmapped again");
    tell_flags(unmap(granter, reader), "the first unmapped");
    tell_flags(unmap(granter, reader), "the first unmapped again");
}

/// The guest takes back what is mapped, and grants another page with the same entry.
void try_changed(const Granter& granter)
{
    const Domain& domain = granter.domain();
    granter.grant(rw, 0, domain.mfn(page));
    const Map first = map(granter, device);
    granter.grant(GTF_invalid, 0, domain.mfn(page + 2));
    const Map second = map(granter, device);
    say("mapped again after the entry was taken back: status %d, flags %#x", second.status,
        granter.entry().flags);
    say("  %s page", second.address == first.address ? "the same" : "another");
    const Map reader = map(granter, device | GNTMAP_readonly);
    say("mapped again read-only: status %d", reader.status);
    for (const Map& mapped : {reader, second, first}) {
        if (mapped.status == GNTST_okay) {
            const int status = unmap(granter, mapped);
            say("  unmapped: status %d, flags %#x", status, granter.entry().flags);
        }
    }
    granter.grant(ro, 0, domain.mfn(page));
    const Map only = map(granter, device | GNTMAP_readonly);
    say("read-only: status %d; then writable: %d", only.status, map(granter, device).status);
    const int status = unmap(granter, only);
    say("  unmapped: status %d, flags %#x", status, granter.entry().flags);
}

void try_wrong_unmaps(const Granter& granter)
{
    granter.grant(rw, 0, granter.domain().mfn(page));
    const Map mapped = map(granter, device);
    say("unmapped with another address: status %d",
        unmap(granter, mapped.handle, mapped.address + 4096));
    for (const std::uint64_t address : {std::uint64_t{0}, mapped.address}) {
        const int status = unmap(granter, mapped.handle, address);
        say("  with %s: status %d, flags %#x", address == 0 ? "none" : "the right one", status,
            granter.entry().flags);
    }
    for (const grant_handle_t handle : {mapped.handle, 0xffffU, 0xffffffU, ~0U}) {
        say("unmapped by a handle that is none: status %d", unmap(granter, handle, mapped.address));
    }
}

/// Each use is counted, in few bits.
void try_many(const Granter& granter)
{
    granter.grant(rw, 0, granter.domain().mfn(page));
    for (const std::uint32_t flags : {device, device | GNTMAP_readonly}) {
        std::vector<Map> maps;
        do {
            maps.push_back(map(granter, flags));
        } while (maps.back().status == GNTST_okay && maps.size() < 1000);
        say("mapped %zu times, then status %d", maps.size() - 1, maps.back().status);
        maps.pop_back();
        int failures = 0;
        for (const Map& mapped : maps) {
            failures += unmap(granter, mapped) != GNTST_okay ? 1 : 0;
        }
        say("  unmapped, %d failures, flags %#x", failures, granter.entry().flags);
    }
}

/// What may have been stored by way of a grant is dirty when that is unmapped.
void try_log_dirty(const Granter& granter)
{
    const Domain& domain = granter.domain();
    const auto tell_dirty = [&](const char* when) {
        auto* const bitmap = domain.machine().take<std::uint8_t>(8);
        xen_domctl op = {};
        op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN;
        op.u.shadow_op.pages = 64;
        set_xen_guest_handle(op.u.shadow_op.dirty_bitmap, bitmap);
        tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "dirty %s", when);
        say("  the page %s, %u in all", (bitmap[page / 8] >> page % 8 & 1) != 0 ? "is" : "is not",
            op.u.shadow_op.stats.dirty_count);
    };
    xen_domctl op = {};
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
    tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op enable_logdirty");
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION;
    op.u.shadow_op.mb = 2;
    tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op set_allocation");
    tell_dirty("at first");
    granter.grant(rw, 0, domain.mfn(page));
    for (const std::uint32_t flags : {device, device | GNTMAP_readonly}) {
        const Map mapped = map(granter, flags);
        say("mapped: status %d", mapped.status);
        tell_dirty("while it is mapped");
        say("  unmapped: status %d", unmap(granter, mapped));
        tell_dirty("afterwards");
    }
    op = {};
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_OFF;
    tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op off");
}

/// A page that is granted is not given back before its last mapping goes; nor does its domain go.
void try_end_of_granter(Machine& machine)
{
    Domain domain{machine};
    domain.populate();
    const Granter granter{domain};
    granter.grant(rw, 0, domain.mfn(page));
    const Map mapped = map(granter, device);
    tell(domain.decrease({domain.mfn(page)}), "decrease_reservation of a mapped page");
    granter.grant(rw, 0, domain.mfn(page + 1));
    tell(domain.domctl(XEN_DOMCTL_destroydomain), "domctl destroydomain with a page mapped");
    const auto info = domain.info();
    say("  is it still this one: %s; flags %#x, tot_pages %lu",
        info.domain == domain.id() ? "yes" : "no", info.flags & XEN_DOMINF_dying, info.tot_pages);
    const Map second = map(granter, device);
    say("  mapped again: status %d", second.status);
    gnttab_query_size_t size = {};
    size.dom = domain.id();
    (void)grant_op(machine, GNTTABOP_query_size, size);
    say("  query_size: status %d, %u of %u frames", size.status, size.nr_frames,
        size.max_nr_frames);
    const GrantFrames again{machine, domain.id(), XENMEM_resource_grant_table_id_shared, 0, 1};
    tell(again.result(), "  its table as a resource");
    if (second.status == GNTST_okay) {
        (void)unmap(granter, second);
    }
    say("  unmapped: status %d", unmap(granter, mapped));
}

}  // namespace

void try_grant_maps(Machine& machine)
{
    {
        Domain domain{machine};
        Domain other{machine};
        domain.populate();
        other.populate();
        const Granter granter{domain};
        try_entries(granter, other);
        try_twice(granter);
        try_changed(granter);
        try_wrong_unmaps(granter);
        try_many(granter);
        try_log_dirty(granter);
    }
    try_end_of_granter(machine);
}

}  // namespace calls
