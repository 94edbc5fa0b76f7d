// SPDX-License-Identifier: LGPL-2.1-or-later
// Pages, grant table frames and pending events of a domain.
#include "tests/fakexen/host/hypervisor.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

namespace fakexen {

std::optional<Mfn> Hypervisor::add_page(Domain& domain, std::uint64_t pfn)
{
    if (domain.life != Life::alive || domain.nr_pages >= domain.max_pages) {
        return std::nullopt;
    }
    const auto mfn = machine.take_free();
    if (!mfn) {
        return std::nullopt;
    }
    types.assign(*mfn, domain);
    machine.set_m2p(*mfn, pfn);
    domain.dirty.mark(pfn);
    return mfn;
}

int Hypervisor::remove_page(Domain& domain, Mfn mfn)
{
    if (!machine.is_ram(mfn)) {
        return -EINVAL;
    }
    if (!types.get_page(mfn, domain)) {
        return -ENXIO;
    }
    domain.dirty.mark(machine.m2p(mfn));
    types.release(mfn);  // the M2P entry stays until the last reference goes
    types.put_page(mfn);
    return 0;
}

int Hypervisor::grow_grant_table(Domain& domain, std::uint64_t nr_frames)
{
    if (nr_frames > domain.grants.max_frames()) {
        return -EINVAL;
    }
    while (domain.grants.shared_frames().size() < nr_frames) {
        const auto mfn = take_xen_page(domain);
        if (!mfn) {
            return -ENOMEM;
        }
        domain.grants.add_shared_frame(*mfn);
    }
    return 0;
}

// Layout of shared_info and vcpu_info: xen/public/xen.h. A guest changes the same words with atomic operations.
void Hypervisor::raise_event(Domain& domain, std::uint32_t port)
{
    if (!domain.shared_info || port >= EventChannels::nr_ports_max) {
        return;
    }
    auto& info = machine.structure<shared_info_t>(*domain.shared_info);
    const std::uint64_t bit = std::uint64_t{1} << port % 64;
    const std::uint64_t word = port / 64;
    const auto before = std::atomic_ref{info.evtchn_pending[word]}.fetch_or(bit);
    const bool masked = (std::atomic_ref{info.evtchn_mask[word]}.load() & bit) != 0;
    if ((before & bit) == 0 && !masked) {
        const EventPort* state = domain.events.port(port);
        const Vcpu* vcpu = domain.vcpu(state != nullptr ? state->vcpu : 0);
        auto* target = &info.vcpu_info[0];
        if (vcpu != nullptr && vcpu->info_frame) {
            target = &machine.structure<vcpu_info_t>(*vcpu->info_frame, vcpu->info_offset);
        } else if (vcpu != nullptr && vcpu->id < XEN_LEGACY_MAX_VCPUS) {
            target = &info.vcpu_info[vcpu->id];
        }
        std::atomic_ref{target->evtchn_pending_sel}.fetch_or(std::uint64_t{1} << word);
        std::atomic_ref{target->evtchn_upcall_pending}.store(1);
    }
    if (listener.notified) {
        listener.notified(domain.id, port);
    }
}

int Hypervisor::bind_event(Domain& near, Domain& far, std::uint32_t far_port)
{
    EventPort* unbound = far.events.port(far_port);
    if (unbound == nullptr || unbound->state != EventPort::State::unbound ||
        unbound->remote_domain != near.id) {
        return -EINVAL;
    }
    const int number = near.events.allocate();
    if (number < 0) {
        return number;
    }
    unbound = far.events.port(far_port);  // allocate() may have moved it, if near is far
    *near.events.port(static_cast<std::uint32_t>(number)) = {
        .state = EventPort::State::interdomain, .remote_domain = far.id, .remote_port = far_port};
    unbound->state = EventPort::State::interdomain;
    unbound->remote_port = static_cast<std::uint32_t>(number);
    raise_event(near, static_cast<std::uint32_t>(number));
    return number;
}

int Hypervisor::send_event(Domain& domain, std::uint32_t number)
{
    const EventPort* port = domain.events.port(number);
    if (port == nullptr) {
        return -EINVAL;
    }
    const bool goes_out =
        port->state == EventPort::State::interdomain || port->state == EventPort::State::unbound;
    if (goes_out && port->remote_domain == 0 && domain.id != 0 && listener.kicked) {
        listener.kicked(domain.id, number);  // what lives in the host listens without binding
    }
    switch (port->state) {
    case EventPort::State::interdomain:
        if (Domain* remote = this->domain(port->remote_domain)) {
            raise_event(*remote, port->remote_port);
        }
        return 0;
    case EventPort::State::ipi:
        raise_event(domain, number);
        return 0;
    case EventPort::State::unbound:
        return 0;
    case EventPort::State::free:
    case EventPort::State::virq:
        break;
    }
    return -EINVAL;
}

}  // namespace fakexen
