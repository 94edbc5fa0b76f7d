// SPDX-License-Identifier: LGPL-2.1-or-later
// Event channels and grant tables, as far as dom0 has to do with a guest's.
#include "tests/xenhost/calls/sections.hpp"

namespace calls {
namespace {

constexpr domid_t nobody = DOMID_FIRST_RESERVED - 1;

struct Alloc {
    Result result;
    evtchn_port_t port;
};

Alloc alloc(Machine& machine, domid_t dom, domid_t remote)
{
    evtchn_alloc_unbound_t request = {};
    request.dom = dom;
    request.remote_dom = remote;
    const Result result =
        machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, request);
    return {result, request.port};
}

void tell_status(Machine& machine, domid_t dom, evtchn_port_t port, const char* what)
{
    evtchn_status_t request = {};
    request.dom = dom;
    request.port = port;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_status, request), "status of %s", what);
    say("  status %u vcpu %u", request.status, request.vcpu);
}

Result close_port(Machine& machine, evtchn_port_t port)
{
    evtchn_close_t request = {port};
    return machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_close, request);
}

Result reset(Machine& machine, domid_t dom)
{
    evtchn_reset_t request = {dom};
    return machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, request);
}

void try_channels(const Domain& domain)
{
    Machine& machine = domain.machine();
    const Alloc first = alloc(machine, domain.id(), 0);
    tell(first.result, "alloc_unbound for dom0");
    say("  port %u", first.port);
    const Alloc second = alloc(machine, domain.id(), DOMID_SELF);
    tell(second.result, "alloc_unbound for oneself");
    say("  port %u", second.port);
    tell(alloc(machine, domain.id(), nobody).result, "alloc_unbound for nobody");
    tell(alloc(machine, nobody, 0).result, "alloc_unbound of nobody");
    tell_status(machine, domain.id(), first.port, "an unbound port");
    tell_status(machine, domain.id(), 0, "port 0");
    tell_status(machine, domain.id(), 100, "a free port");
    tell_status(machine, domain.id(), 1023, "the last port");
    tell_status(machine, domain.id(), 100000, "port 100000");
    tell_status(machine, nobody, 1, "nobody's port");
    evtchn_bind_interdomain_t bind = {};
    bind.remote_dom = domain.id();
    bind.remote_port = first.port;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, bind),
         "bind_interdomain");
    tell_status(machine, domain.id(), first.port, "the bound port");
    evtchn_bind_interdomain_t again = bind;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, again),
         "bind_interdomain again");
    again.remote_port = 100;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, again),
         "bind_interdomain to a free port");
    again.remote_port = 100000;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, again),
         "bind_interdomain to port 100000");
    again.remote_dom = nobody;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, again),
         "bind_interdomain to nobody");
    evtchn_send_t send = {bind.local_port};
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_send, send), "send");
    send.port = 100000;
    tell(machine.on(__HYPERVISOR_event_channel_op, EVTCHNOP_send, send), "send to port 100000");
    tell(close_port(machine, bind.local_port), "close");
    tell_status(machine, domain.id(), first.port, "the other end");
    tell(close_port(machine, 100000), "close of port 100000");
    tell(close_port(machine, 0), "close of port 0");
    tell(reset(machine, domain.id()), "reset");
    tell_status(machine, domain.id(), first.port, "the port");
    const Alloc third = alloc(machine, domain.id(), 0);
    say("  the next port is %u", third.port);
    tell(reset(machine, nobody), "reset of nobody");
    tell(machine.hypercall(__HYPERVISOR_event_channel_op, {99, 0}), "event_channel_op 99");
}

/// All that there are.
void try_limit(const Domain& domain)
{
    unsigned count = 0;
    Alloc last = {};
    for (; count < 5000; ++count) {
        domain.machine().release();
        last = alloc(domain.machine(), domain.id(), 0);
        if (last.result != 0) {
            break;
        }
    }
    tell(last.result, "alloc_unbound after %u more", count);
}

template <typename T>
Result grant(Machine& machine, unsigned cmd, T& request)
{
    T* const at = machine.take<T>();
    *at = request;
    const Result result =
        machine.hypercall(__HYPERVISOR_grant_table_op, {cmd, Machine::address_of(at), 1});
    request = *at;
    return result;
}

void try_grants(const Domain& domain)
{
    Machine& machine = domain.machine();
    for (const domid_t id : {domain.id(), nobody}) {
        const char* const whose = id == nobody ? "nobody" : "a domain";
        gnttab_query_size_t size = {};
        size.dom = id;
        tell(grant(machine, GNTTABOP_query_size, size), "query_size of %s", whose);
        say("  status %d nr_frames %u max_nr_frames %u", size.status, size.nr_frames,
            size.max_nr_frames);
        gnttab_get_version_t version = {};
        version.dom = id;
        tell(grant(machine, GNTTABOP_get_version, version), "get_version of %s", whose);
        say("  version %u", version.version);
    }
    for (const unsigned nr : {0U, 1U, 2U, 4U, 5U}) {
        gnttab_setup_table_t setup = {};
        setup.dom = domain.id();
        setup.nr_frames = nr;
        auto* const frames = machine.take<xen_pfn_t>(8);
        set_xen_guest_handle(setup.frame_list, frames);
        tell(grant(machine, GNTTABOP_setup_table, setup), "setup_table of %u frames", nr);
        say("  status %d, first frame %s, type %s", setup.status, frames[0] != 0 ? "some" : "none",
            frames[0] != 0 ? domain.type_of_mfn(frames[0]).c_str() : "-");
    }
    gnttab_query_size_t size = {};
    size.dom = domain.id();
    tell(grant(machine, GNTTABOP_query_size, size), "query_size");
    say("  status %d nr_frames %u max_nr_frames %u", size.status, size.nr_frames,
        size.max_nr_frames);
    gnttab_setup_table_t setup = {};
    setup.dom = nobody;
    tell(grant(machine, GNTTABOP_setup_table, setup), "setup_table of nobody");
    say("  status %d", setup.status);
    gnttab_unmap_grant_ref_t unmap = {};
    unmap.handle = 0xffffff;
    tell(grant(machine, GNTTABOP_unmap_grant_ref, unmap),
         "unmap_grant_ref of a handle that is none");
    say("  status %d", unmap.status);
    gnttab_map_grant_ref_t map = {};
    map.dom = nobody;
    map.flags = GNTMAP_host_map;
    tell(grant(machine, GNTTABOP_map_grant_ref, map), "map_grant_ref of nobody");
    say("  status %d", map.status);
    map.dom = domain.id();
    map.ref = 100;
    map.flags = 0;
    tell(grant(machine, GNTTABOP_map_grant_ref, map), "map_grant_ref for nothing");
    say("  status %d", map.status);
    map.flags = GNTMAP_host_map;
    map.host_addr = 0xffff800000000000;
    tell(grant(machine, GNTTABOP_map_grant_ref, map),
         "map_grant_ref of an entry that grants nothing");
    say("  status %d", map.status);
    map.ref = 1000000;
    tell(grant(machine, GNTTABOP_map_grant_ref, map), "map_grant_ref of an entry beyond the table");
    say("  status %d", map.status);
    tell(machine.hypercall(__HYPERVISOR_grant_table_op,
                           {99, Machine::address_of(machine.take<std::uint64_t>(8)), 1}),
         "grant_table_op 99");
}

}  // namespace

void try_events(Machine& machine)
{
    Domain domain{machine};
    domain.populate();
    try_channels(domain);
    try_limit(domain);
    try_grants(domain);
}

}  // namespace calls
