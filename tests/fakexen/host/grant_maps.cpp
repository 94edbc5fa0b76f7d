// SPDX-License-Identifier: LGPL-2.1-or-later
// Grants in page tables: xen/common/grant_table.c and arch/x86/pv/grant_table.c of Xen 4.17. There are no devices, so that
// a page mapped for one is only held.
#include "tests/fakexen/host/grant_maps.hpp"

#include "tests/fakexen/host/grant_entry.hpp"
#include "tests/fakexen/host/page_walk.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <cerrno>
#include <cstddef>

namespace fakexen {
namespace {

using Status = std::int16_t;
constexpr unsigned domid_shift = 16;
constexpr std::uint32_t max_uses =
    128;  ///< readers, and writers, of a grant: Xen's GNTPIN_incr2oflow_mask

/// Whether an entry lets this domain map its page. Parts of pages and what others granted in turn can only be copied.
bool permits(std::uint32_t head, std::uint16_t mapper)
{
    return (head & (GTF_type_mask | GTF_sub_page)) == GTF_permit_access &&
           head >> domid_shift == mapper;
}

/// Marks an entry of version 1 as in use, if it permits that.
Status set_in_use_v1(const GrantEntry& entry, bool is_active, std::uint16_t mapper, bool writable)
{
    GrantEntry::Head head = entry.head();
    std::uint32_t seen = head.load();
    std::uint32_t wanted = 0;
    do {
        if ((!is_active && !permits(seen, mapper)) || (writable && (seen & GTF_readonly) != 0)) {
            return GNTST_general_error;
        }
        wanted = seen | GTF_reading | (writable ? GTF_writing : 0U);
    } while (!head.compare_exchange_weak(seen, wanted));
    return GNTST_okay;
}

/// In version 2 status and flags do not change together: once the status is set, the guest sees it, and what it had put
/// into the entry until then counts.
Status set_in_use_v2(const GrantEntry& entry, bool is_active, std::uint16_t mapper, bool writable)
{
    const auto refuses = [&] {
        const std::uint32_t head = entry.head().load();
        return (!is_active && !permits(head, mapper)) || (writable && (head & GTF_readonly) != 0);
    };
    if (refuses()) {
        return GNTST_general_error;
    }
    entry.status().fetch_or(
        static_cast<grant_status_t>(GTF_reading | (writable ? GTF_writing : 0)));
    if (refuses()) {
        entry.clear_use(is_active ? GTF_writing : GTF_reading | GTF_writing);
        return GNTST_general_error;
    }
    return GNTST_okay;
}

Status set_in_use(const GrantEntry& entry, bool is_active, std::uint16_t mapper, bool writable)
{
    return entry.is_v1() ? set_in_use_v1(entry, is_active, mapper, writable)
                         : set_in_use_v2(entry, is_active, mapper, writable);
}

/// Takes one use of a grant back, and from its entry what is no longer true.
void drop_use(Hypervisor& xen, Domain& granter, grant_ref_t ref, bool writable)
{
    const auto at = granter.grants.active.find(ref);
    if (at == granter.grants.active.end()) {
        return;
    }
    ActiveGrant& active = at->second;
    (writable ? active.nr_writers : active.nr_readers) -= 1;
    unsigned cleared = active.is_mapped() ? 0U : GTF_reading;
    cleared |= writable && active.nr_writers == 0 ? GTF_writing : 0U;
    if (granter.life == Life::alive) {  // else its table is gone
        GrantEntry{xen.machine, granter.grants, ref}.clear_use(static_cast<std::uint16_t>(cleared));
    }
    if (!active.is_mapped()) {
        granter.grants.active.erase(at);
    }
}

/// The L1 entry that a request means, in a table of the caller's that is in use.
std::optional<L1Place> place_of(Hypervisor& xen, const Caller& caller, std::uint64_t address,
                                std::uint32_t flags)
{
    const Domain& domain = caller.domain();
    const Vcpu* vcpu = caller.vcpu();
    std::optional<L1Place> place;
    if ((flags & GNTMAP_contains_pte) != 0) {
        if (address % sizeof(std::uint64_t) == 0) {
            place = {Mfn{address >> 12},
                     static_cast<unsigned>(address % page_size / sizeof(std::uint64_t))};
        }
    } else if (vcpu != nullptr && vcpu->kernel_table) {
        const Levels levels = domain.is_32bit ? Levels::pae : Levels::long_mode;
        place = find_l1_entry(xen.machine, *vcpu->kernel_table, address, levels);
    }
    if (!place || !xen.machine.is_ram(place->table)) {
        return std::nullopt;
    }
    const FrameState& frame = xen.machine.frame(place->table);
    const bool in_use =
        frame.owner == &domain && frame.type == FrameType::l1_table && frame.validated;
    return in_use ? place : std::nullopt;
}

/// As the entry is before Xen adds the bits of a guest in ring 3. (A debug build of Xen also sets bit 62.)
std::uint64_t entry_of(Mfn frame, std::uint32_t flags)
{
    constexpr unsigned available_shift = 9;
    std::uint64_t bits = pte::present | pte::accessed | pte::dirty | pte::no_execute;
    bits |= (flags & GNTMAP_application_map) != 0 ? pte::user : 0;
    bits |= (flags & GNTMAP_readonly) == 0 ? pte::writable : 0;
    bits |= std::uint64_t{flags >> _GNTMAP_guest_avail0} << available_shift & pte::available;
    return pte::make(frame, bits);
}

grant_handle_t new_handle(GrantTable& table)
{
    for (std::size_t handle = 0; handle < table.mappings.size(); ++handle) {
        if (table.mappings[handle].flags == 0) {
            return static_cast<grant_handle_t>(handle);
        }
    }
    table.mappings.emplace_back();
    return static_cast<grant_handle_t>(table.mappings.size() - 1);
}

/// Counts one more use of a grant. The frame is that of its first use.
Status begin_use(Hypervisor& xen, Domain& granter, const Domain& mapper, grant_ref_t ref,
                 bool writable, Mfn& frame)
{
    if (granter.life != Life::alive) {
        return GNTST_general_error;
    }
    if (ref >= granter.grants.nr_entries()) {
        return GNTST_bad_gntref;
    }
    const GrantEntry entry{xen.machine, granter.grants, ref};
    const auto known = granter.grants.active.find(ref);
    const bool is_active = known != granter.grants.active.end();
    if (is_active &&
        (known->second.mapper != mapper.id ||
         (writable ? known->second.nr_writers : known->second.nr_readers) >= max_uses)) {
        return GNTST_general_error;
    }
    if (!is_active || (writable && known->second.nr_writers == 0)) {
        const Status status = set_in_use(entry, is_active, mapper.id, writable);
        if (status != GNTST_okay) {
            return status;
        }
    }
    ActiveGrant& active = granter.grants.active[ref];
    if (!is_active) {
        active = {.mapper = mapper.id, .frame = Mfn{entry.frame()}};
    }
    (writable ? active.nr_writers : active.nr_readers) += 1;
    frame = active.frame;
    return GNTST_okay;
}

/// Takes the references that a mapping has.
Status hold(Hypervisor& xen, const Domain& granter, Mfn frame, bool writable)
{
    if (!xen.types.get_page(frame, granter)) {
        return GNTST_bad_page;
    }
    if (writable && xen.types.get_type(frame, FrameType::writable) != 0) {
        xen.types.put_page(frame);
        return GNTST_general_error;
    }
    return GNTST_okay;
}

void let_go(Hypervisor& xen, Mfn frame, bool writable)
{
    if (writable) {
        xen.types.put_type(frame);
    }
    xen.types.put_page(frame);
}

/// Takes the references, and writes the entry that they are for.
Status install(Hypervisor& xen, const Caller& caller, const Domain& granter,
               const gnttab_map_grant_ref_t& request, Mfn frame)
{
    const bool writable = (request.flags & GNTMAP_readonly) == 0;
    const Status held = hold(xen, granter, frame, writable);
    if (held != GNTST_okay || (request.flags & GNTMAP_host_map) == 0) {
        return held;
    }
    const auto place = place_of(xen, caller, request.host_addr, request.flags);
    const std::uint64_t entry =
        adjusted_entry(entry_of(frame, request.flags), FrameType::l1_table, caller.domain());
    if (!place) {
        xen.types.put_for_l1_entry(entry);
        return GNTST_general_error;
    }
    xen.types.put_for_l1_entry(xen.types.swap_l1_entry(place->table, place->slot, entry));
    return GNTST_okay;
}

Status end_for_device(const gnttab_unmap_grant_ref_t& request, Mfn frame)
{
    return request.dev_bus_addr == frame.number() << 12 ? GNTST_okay : GNTST_bad_dev_addr;
}

/// Clears the entry, if it is the one that was made, and takes its references back.
Status end_in_tables(Hypervisor& xen, const Caller& caller, const gnttab_unmap_grant_ref_t& request,
                     Mfn frame, std::uint32_t flags)
{
    const auto place = place_of(xen, caller, request.host_addr, flags);
    const bool writable = (flags & GNTMAP_readonly) == 0;
    const std::uint64_t entry = place ? xen.machine.entries(place->table)[place->slot] : 0;
    if ((entry & pte::present) == 0 || pte::frame_of(entry) != frame ||
        ((entry & pte::writable) != 0) != writable) {
        return GNTST_general_error;
    }
    xen.types.put_for_l1_entry(xen.types.swap_l1_entry(place->table, place->slot, 0));
    return GNTST_okay;
}

}  // namespace

std::int16_t map_grant(Hypervisor& xen, const Caller& caller, gnttab_map_grant_ref_t& request)
{
    constexpr std::uint32_t both = GNTMAP_host_map | GNTMAP_device_map;
    if ((request.flags & both) == 0) {
        return GNTST_bad_gntref;  // for nobody
    }
    if ((request.flags & both) == both) {
        return GNTST_general_error;  // not modelled: one handle, ended in two steps
    }
    Domain& mapper = caller.domain();
    Domain* granter = xen.domain(request.dom);
    if (granter == nullptr) {
        return GNTST_bad_domain;
    }
    Mfn frame{0};
    const bool writable = (request.flags & GNTMAP_readonly) == 0;
    if (const Status status = begin_use(xen, *granter, mapper, request.ref, writable, frame);
        status != GNTST_okay) {
        return status;
    }
    if (const Status status = install(xen, caller, *granter, request, frame);
        status != GNTST_okay) {
        drop_use(xen, *granter, request.ref, writable);
        return status;
    }
    request.handle = new_handle(mapper.grants);
    mapper.grants.mappings[request.handle] = {
        .granter = granter->id, .ref = request.ref, .flags = request.flags};
    request.dev_bus_addr = frame.number() << 12;
    return GNTST_okay;
}

std::int16_t unmap_grant(Hypervisor& xen, const Caller& caller,
                         const gnttab_unmap_grant_ref_t& request)
{
    auto& mappings = caller.domain().grants.mappings;
    if (request.handle >= mappings.size() || mappings[request.handle].flags == 0) {
        return GNTST_bad_handle;
    }
    GrantMapping& mapping = mappings[request.handle];
    Domain* granter = xen.domain(mapping.granter);
    if (granter == nullptr) {
        return GNTST_bad_domain;  // a guest that lost the entry before: Xen would crash it
    }
    const bool of_device = (mapping.flags & GNTMAP_device_map) != 0;
    if ((of_device ? request.dev_bus_addr : request.host_addr) == 0) {
        return GNTST_okay;  // asked for nothing
    }
    const auto active = granter->grants.active.find(mapping.ref);
    if (active == granter->grants.active.end()) {
        return GNTST_bad_handle;  // another domain has got the granter's number
    }
    const Mfn frame = active->second.frame;
    const bool writable = (mapping.flags & GNTMAP_readonly) == 0;
    const Status status = of_device ? end_for_device(request, frame)
                                    : end_in_tables(xen, caller, request, frame, mapping.flags);
    if (status != GNTST_okay) {
        return status;
    }
    if (writable) {
        granter->dirty.mark(xen.machine.m2p(frame));
    }
    drop_use(xen, *granter, mapping.ref, writable);
    mapping = {};
    if (of_device) {
        let_go(xen, frame, writable);  // and with it, perhaps, the last of a dying domain
    }
    return GNTST_okay;
}

// Why a grant cannot be mapped is between Xen and the kernel: the process learns that it cannot.
std::int64_t map_grant_into_process(Hypervisor& xen, const Domain& mapper,
                                    const ProcessGrant& wanted)
{
    Domain* granter = xen.domain(wanted.grant.granter);
    Mfn frame{0};
    if (granter == nullptr ||
        begin_use(xen, *granter, mapper, wanted.grant.ref, wanted.writable, frame) != GNTST_okay) {
        return -EINVAL;
    }
    std::int64_t offset = 0;
    xen.maps.map({.process = wanted.process,
                  .address = wanted.address,
                  .domid = granter->id,
                  .writable = wanted.writable,
                  .frames = {frame.number()},
                  .grant = wanted.grant},
                 granter, {&offset, 1});
    if (offset < 0) {
        drop_use(xen, *granter, wanted.grant.ref, wanted.writable);
        return -EINVAL;
    }
    return offset;
}

void end_process_grant(Hypervisor& xen, const MappedGrant& grant, Mfn frame, bool writable)
{
    if (grant.notify_offset < page_size) {
        xen.machine.contents(frame)[grant.notify_offset] = std::byte{0};
    }
    if (grant.notify_port != ~0U) {
        (void)xen.send_event(xen.dom0(), grant.notify_port);
    }
    if (Domain* granter = xen.domain(grant.granter)) {
        if (writable) {
            granter->dirty.mark(xen.machine.m2p(frame));
        }
        drop_use(xen, *granter, grant.ref, writable);
    }
}

void release_grants(Hypervisor& xen, Domain& mapper)
{
    for (GrantMapping& mapping : mapper.grants.mappings) {
        Domain* granter = mapping.flags != 0 ? xen.domain(mapping.granter) : nullptr;
        const bool writable = (mapping.flags & GNTMAP_readonly) == 0;
        std::optional<Mfn> held;
        if (granter != nullptr) {
            const auto active = granter->grants.active.find(mapping.ref);
            if ((mapping.flags & GNTMAP_device_map) != 0 &&
                active != granter->grants.active.end()) {
                held = active->second.frame;
            }
            drop_use(xen, *granter, mapping.ref, writable);
        }
        mapping = {};
        if (held) {
            let_go(xen, *held, writable);
        }
    }
}

}  // namespace fakexen
