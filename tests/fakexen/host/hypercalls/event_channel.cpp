// SPDX-License-Identifier: LGPL-2.1-or-later
// event_channel_op: ports that domains and their toolstack meet at.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>

namespace fakexen::hypercall {
namespace {

using State = EventPort::State;

std::int64_t alloc_unbound(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<evtchn_alloc_unbound_t>(at);
    Domain& domain = target_domain(xen, caller, request.dom);
    const int number = domain.events.allocate();
    if (number < 0) {
        return number;
    }
    EventPort* port = domain.events.port(static_cast<std::uint32_t>(number));
    port->state = State::unbound;
    port->remote_domain =
        request.remote_dom == DOMID_SELF ? caller.domain().id : request.remote_dom;
    request.port = static_cast<evtchn_port_t>(number);
    caller.write(at, request);
    return 0;
}

std::int64_t bind_interdomain(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<evtchn_bind_interdomain_t>(at);
    Domain* remote =
        request.remote_dom == DOMID_SELF ? &caller.domain() : xen.domain(request.remote_dom);
    if (remote == nullptr) {
        return -ESRCH;
    }
    const int number = xen.bind_event(caller.domain(), *remote, request.remote_port);
    if (number < 0) {
        return number;
    }
    request.local_port = static_cast<evtchn_port_t>(number);
    caller.write(at, request);
    return 0;
}

std::int64_t bind_local(const Caller& caller, std::uint64_t at, State state)
{
    // bind_virq and bind_ipi: virq (only the former), vcpu, then the port.
    auto& events = caller.domain().events;
    const int number = events.allocate();
    if (number < 0) {
        return number;
    }
    EventPort* port = events.port(static_cast<std::uint32_t>(number));
    if (state == State::virq) {
        auto request = caller.read<evtchn_bind_virq_t>(at);
        *port = {.state = state, .virq = request.virq, .vcpu = request.vcpu};
        request.port = static_cast<evtchn_port_t>(number);
        caller.write(at, request);
    } else {
        auto request = caller.read<evtchn_bind_ipi_t>(at);
        *port = {.state = state, .vcpu = request.vcpu};
        request.port = static_cast<evtchn_port_t>(number);
        caller.write(at, request);
    }
    return 0;
}

std::int64_t close(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    const auto request = caller.read<evtchn_close_t>(at);
    EventPort* port = caller.domain().events.port(request.port);
    if (port == nullptr || port->state == State::free) {
        return -EINVAL;
    }
    if (port->state == State::interdomain) {
        Domain* remote = xen.domain(port->remote_domain);
        EventPort* far = remote != nullptr ? remote->events.port(port->remote_port) : nullptr;
        if (far != nullptr && far->state == State::interdomain) {
            far->state = State::unbound;
            far->remote_domain = caller.domain().id;
        }
    }
    *port = {};
    return 0;
}

std::int64_t status(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<evtchn_status_t>(at);
    Domain& domain = target_domain(xen, caller, request.dom);
    const EventPort* port = domain.events.port(request.port);
    request.status = EVTCHNSTAT_closed;
    if (!domain.events.is_known(request.port)) {
        return -EINVAL;
    }
    if (port != nullptr) {
        request.vcpu = port->vcpu;
        switch (port->state) {
        case State::free:
            break;
        case State::unbound:
            request.status = EVTCHNSTAT_unbound;
            request.u.unbound.dom = port->remote_domain;
            break;
        case State::interdomain:
            request.status = EVTCHNSTAT_interdomain;
            request.u.interdomain.dom = port->remote_domain;
            request.u.interdomain.port = port->remote_port;
            break;
        case State::virq:
            request.status = EVTCHNSTAT_virq;
            request.u.virq = port->virq;
            break;
        case State::ipi:
            request.status = EVTCHNSTAT_ipi;
            break;
        }
    }
    caller.write(at, request);
    return 0;
}

std::int64_t reset(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    const auto request = caller.read<evtchn_reset_t>(at);
    EventChannels& events = target_domain(xen, caller, request.dom).events;
    const std::uint32_t limit = events.limit();
    events = EventChannels{};
    events.set_limit(limit);
    return 0;
}

}  // namespace

std::int64_t event_channel_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto enter = [&](const char* call) { caller.enter("event_channel_op", call); };
    switch (args[0]) {
    case EVTCHNOP_alloc_unbound:
        enter("alloc_unbound");
        return alloc_unbound(xen, caller, args[1]);
    case EVTCHNOP_bind_interdomain:
        enter("bind_interdomain");
        return bind_interdomain(xen, caller, args[1]);
    case EVTCHNOP_bind_virq:
        enter("bind_virq");
        return bind_local(caller, args[1], State::virq);
    case EVTCHNOP_bind_ipi:
        enter("bind_ipi");
        return bind_local(caller, args[1], State::ipi);
    case EVTCHNOP_close:
        enter("close");
        return close(xen, caller, args[1]);
    case EVTCHNOP_send:
        enter("send");
        return xen.send_event(caller.domain(), caller.read<evtchn_send_t>(args[1]).port);
    case EVTCHNOP_status:
        enter("status");
        return status(xen, caller, args[1]);
    case EVTCHNOP_unmask:
    case EVTCHNOP_bind_vcpu:
        enter("unmask");
        return 0;
    case EVTCHNOP_reset:
        enter("reset");
        return reset(xen, caller, args[1]);
    default:
        enter("other");
        return -ENOSYS;
    }
}

}  // namespace fakexen::hypercall
