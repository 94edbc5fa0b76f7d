// SPDX-License-Identifier: LGPL-2.1-or-later
// Pages and pending events of a domain, status frames of all.
#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/host/vcpu_context_32.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <type_traits>

namespace fakexen {
namespace {

/// Marks a port pending: xen/public/xen.h. A guest changes the same words with atomic operations.
template <typename SharedInfo>
void raise_in(Machine& machine, Domain& domain, std::uint32_t port)
{
    auto& info = machine.structure<SharedInfo>(*domain.shared_info);
    using Word = std::remove_reference_t<decltype(info.evtchn_pending[0])>;
    using VcpuInfo = std::remove_reference_t<decltype(info.vcpu_info[0])>;
    constexpr std::uint32_t word_bits = sizeof(Word) * 8;
    const Word bit = Word{1} << port % word_bits;
    const std::uint32_t word = port / word_bits;
    const Word before = std::atomic_ref{info.evtchn_pending[word]}.fetch_or(bit);
    const bool masked = (std::atomic_ref{info.evtchn_mask[word]}.load() & bit) != 0;
    if ((before & bit) != 0 || masked) {
        return;
    }
    const EventPort* state = domain.events.port(port);
    const Vcpu* vcpu = domain.vcpu(state != nullptr ? state->vcpu : 0);
    auto* target = &info.vcpu_info[0];
    if (vcpu != nullptr && vcpu->info_frame) {
        target = &machine.structure<VcpuInfo>(*vcpu->info_frame, vcpu->info_offset);
    } else if (vcpu != nullptr && vcpu->id < XEN_LEGACY_MAX_VCPUS) {
        target = &info.vcpu_info[vcpu->id];
    }
    std::atomic_ref{target->evtchn_pending_sel}.fetch_or(Word{1} << word);
    std::atomic_ref{target->evtchn_upcall_pending}.store(1);
}

}  // namespace

std::optional<Mfn> Hypervisor::add_extent(Domain& domain, std::uint64_t pfn, unsigned order)
{
    const std::uint64_t nr_pages = std::uint64_t{1} << order;
    if (domain.life != Life::alive || domain.nr_pages + nr_pages > domain.max_pages) {
        return std::nullopt;
    }
    const auto first = machine.take_free_extent(order);
    for (std::uint64_t i = 0; first && i < nr_pages; ++i) {
        const Mfn mfn{first->number() + i};
        const std::uint64_t its_pfn = pfn == invalid_m2p_entry ? pfn : pfn + i;
        types.assign(mfn, domain);
        machine.set_m2p(mfn, its_pfn);  // no store: log-dirty shows nothing
    }
    return first;
}

int Hypervisor::remove_page(Domain& domain, Mfn mfn)
{
    if (!machine.is_ram(mfn)) {
        return -EINVAL;
    }
    if (!types.get_page(mfn, domain)) {
        return -ENXIO;
    }
    types.release(mfn);  // the M2P entry stays until the last reference goes
    types.put_page(mfn);
    return 0;
}

void Hypervisor::mark_stored(Mfn mfn)
{
    Domain* owner = machine.is_ram(mfn) ? machine.frame(mfn).owner : nullptr;
    if (owner != nullptr && owner->dirty.mark(machine.m2p(mfn))) {
        owner->dirty.count_fault();
    }
}

// Frames of a dying domain count until the last who has them mapped lets go.
std::uint64_t Hypervisor::nr_status_frames() const
{
    std::uint64_t nr = 0;
    for (const auto& [id, domain] : domains_) {
        for (std::size_t i = 0; i < domain->grants.nr_status_frames(); ++i) {
            nr += machine.frame((*domain->grants.status)[i]).owner == domain.get() ? 1U : 0U;
        }
    }
    return nr;
}

void Hypervisor::note_status_frames()
{
    status_frames_peak_ = std::max(status_frames_peak_, nr_status_frames());
}

// The layout of shared_info is the guest's: its words have its width.
void Hypervisor::raise_event(Domain& domain, std::uint32_t port)
{
    if (!domain.shared_info || port >= domain.events.limit()) {
        return;
    }
    if (domain.is_32bit) {
        raise_in<shared_info_x86_32_t>(machine, domain, port);
    } else {
        raise_in<shared_info_t>(machine, domain, port);
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
