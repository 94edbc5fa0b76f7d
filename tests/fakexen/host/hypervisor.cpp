// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains from creation to destruction.
#include "tests/fakexen/host/hypervisor.hpp"

#include "tests/fakexen/host/grant_frames.hpp"
#include "tests/fakexen/host/grant_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <vector>

namespace fakexen {
namespace {

constexpr std::uint32_t tsc_khz = 2'000'000;
constexpr std::uint64_t nr_low_frames = std::uint64_t{1} << 20;  ///< below 4 GiB

}  // namespace

Hypervisor::Hypervisor(const HypervisorConfig& config, sr::Logger& log)
    : machine{config.machine}, types{machine, log}, maps{machine, types}, config_{config}, log_{log}
{
    types.reclaim_stale = [this] { return maps.reclaim_stale(); };
    maps.grant_unmapped = [this](const MappedGrant& grant, Mfn frame, bool writable) {
        end_process_grant(*this, grant, frame, writable);
    };
    xen_domctl_createdomain dom0 = {};
    dom0.max_vcpus = 1;
    dom0.max_grant_frames = -1;
    dom0.grant_opts = XEN_DOMCTL_GRANT_version(config.grants.max_version);
    auto domain = make_domain(0, dom0);
    domain->pause_count = 0;
    domain->ever_unpaused = true;
    create_vcpus(*domain);
    domain->vcpus[0]->down = false;
    domain->vcpus[0]->initialised = true;
    domains_[0] = std::move(domain);
    (void)make_grant_table(*this, *domains_[0]);
}

Hypervisor::~Hypervisor() = default;

Domain* Hypervisor::domain(std::uint64_t id) const noexcept
{
    if (id >= DOMID_FIRST_RESERVED) {
        return nullptr;
    }
    const auto at = domains_.find(static_cast<DomainId>(id));
    return at == domains_.end() ? nullptr : at->second.get();
}

std::optional<DomainId> Hypervisor::free_domain_id()
{
    for (unsigned tries = 0; tries < DOMID_FIRST_RESERVED; ++tries) {
        last_id_ = last_id_ + 1U < DOMID_FIRST_RESERVED ? static_cast<DomainId>(last_id_ + 1) : 1;
        if (!domains_.contains(last_id_)) {
            return last_id_;
        }
    }
    return std::nullopt;
}

std::optional<Mfn> Hypervisor::take_xen_page(Domain& domain)
{
    return share_zeroed(domain, machine.take_free());
}

std::optional<Mfn> Hypervisor::take_low_xen_page(Domain& domain)
{
    std::vector<Mfn> passed_over;
    auto mfn = machine.take_free();
    while (mfn && mfn->number() >= nr_low_frames && machine.first_mfn() < nr_low_frames) {
        passed_over.push_back(*mfn);
        mfn = machine.take_free();
    }
    for (const Mfn high : passed_over) {
        machine.give_back(high);
    }
    return share_zeroed(domain, mfn);
}

std::optional<Mfn> Hypervisor::share_zeroed(Domain& domain, std::optional<Mfn> mfn)
{
    if (mfn) {
        const auto contents = machine.contents(*mfn);
        std::fill(contents.begin(), contents.end(), std::byte{0});
        types.share_xen_page(*mfn, domain);
    }
    return mfn;
}

std::unique_ptr<Domain> Hypervisor::make_domain(DomainId id, const xen_domctl_createdomain& config)
{
    auto domain = std::make_unique<Domain>(id);
    domain->config = config;
    std::memcpy(domain->handle, config.handle, sizeof domain->handle);
    domain->vcpus.resize(config.max_vcpus);
    domain->policy = default_cpu_policy();
    domain->tsc.khz = tsc_khz;
    domain->grants.limits = {.max_frames = config.max_grant_frames >= 0
                                               ? static_cast<std::uint32_t>(config.max_grant_frames)
                                               : config_.grants.max_frames,
                             .max_version = config.grant_opts & XEN_DOMCTL_GRANT_version_mask};
    domain->shared_info = take_low_xen_page(*domain);
    return domain;
}

int Hypervisor::create_domain(DomainId id, const xen_domctl_createdomain& config)
{
    if (id != 0 && domains_.contains(id)) {
        return -EEXIST;
    }
    const auto chosen = id != 0 ? std::optional{id} : free_domain_id();
    if (!chosen) {
        return -ENOMEM;
    }
    auto domain = make_domain(*chosen, config);
    if (!domain->shared_info || make_grant_table(*this, *domain) != 0) {
        release_all(*domain);
        return -ENOMEM;
    }
    domains_[*chosen] = std::move(domain);
    log_.info("d%u: created, %u vCPUs at most", *chosen, config.max_vcpus);
    return *chosen;
}

void Hypervisor::create_vcpus(Domain& domain)
{
    for (std::uint32_t id = 0; id < domain.vcpus.size(); ++id) {
        if (!domain.vcpus[id]) {
            domain.vcpus[id] = std::make_unique<Vcpu>(domain, id);
        }
    }
}

void Hypervisor::drop_gdt(Vcpu& vcpu)
{
    for (const Mfn mfn : std::exchange(vcpu.gdt_frames, {})) {
        types.put_page_and_type(mfn);
    }
    vcpu.gdt_entries = 0;
}

void Hypervisor::reset_vcpu(Vcpu& vcpu)
{
    drop_gdt(vcpu);
    for (std::optional<Mfn>* held : {&vcpu.kernel_table, &vcpu.user_table}) {
        if (const auto mfn = std::exchange(*held, std::nullopt)) {
            types.put_page_and_type(*mfn);
        }
    }
    vcpu.initialised = false;
    vcpu.down = true;
}

void Hypervisor::unpin_all(Domain& domain)
{
    for (std::uint64_t number = machine.first_mfn(); number <= machine.max_mfn(); ++number) {
        FrameState& frame = machine.frame(Mfn{number});
        if (frame.owner == &domain && frame.pinned) {
            frame.pinned = false;
            types.put_page_and_type(Mfn{number});
        }
    }
}

void Hypervisor::release_all(Domain& domain)
{
    for (std::uint64_t number = machine.first_mfn(); number <= machine.max_mfn(); ++number) {
        if (machine.frame(Mfn{number}).owner == &domain) {
            types.release(Mfn{number});
        }
    }
}

void Hypervisor::destroy_domain(Domain& domain)
{
    if (domain.life == Life::alive) {
        domain.life = Life::dying;
        log_.info("d%u: destroyed", domain.id);
        release_grants(*this, domain);
        for (const auto& vcpu : domain.vcpus) {
            if (vcpu) {
                reset_vcpu(*vcpu);
                if (const auto mfn = std::exchange(vcpu->info_frame, std::nullopt)) {
                    types.put_page_and_type(*mfn);
                }
            }
        }
        unpin_all(domain);
        release_all(domain);
        if (listener.may_run_changed) {
            listener.may_run_changed(domain.id);
        }
    }
    (void)maps.reclaim_stale();
    if (domain.nr_pages + domain.nr_xen_heap_pages > 0) {
        log_.info("d%u: dying; %" PRIu64 " frames are still held", domain.id,
                  domain.nr_pages + domain.nr_xen_heap_pages);
    }
}

void Hypervisor::collect_dead()
{
    std::vector<DomainId> gone;
    for (const auto& [id, domain] : domains_) {
        if (domain->life == Life::dying && domain->nr_pages + domain->nr_xen_heap_pages == 0) {
            gone.push_back(id);
        }
    }
    for (const DomainId id : gone) {
        domains_.erase(id);
        log_.info("d%u: gone", id);
        if (listener.released) {
            listener.released(id, true);
        }
    }
    if (!gone.empty()) {
        machine.scrub_free();
    }
}

void Hypervisor::pause(Domain& domain)
{
    ++domain.pause_count;
    if (listener.may_run_changed) {
        listener.may_run_changed(domain.id);
    }
}

int Hypervisor::unpause(Domain& domain)
{
    if (domain.pause_count == 0) {
        return -EINVAL;
    }
    --domain.pause_count;
    if (domain.pause_count == 0) {
        domain.ever_unpaused = true;
    }
    if (listener.may_run_changed) {
        listener.may_run_changed(domain.id);
    }
    return 0;
}

void Hypervisor::shut_down(Domain& domain, std::uint8_t reason)
{
    if (domain.shutdown_code == shutdown_code_none) {
        domain.shutdown_code = reason;
    }
    if (domain.shut_down) {
        return;
    }
    domain.shut_down = true;
    log_.info("d%u: shut down, reason %u", domain.id, domain.shutdown_code);
    if (listener.may_run_changed) {
        listener.may_run_changed(domain.id);
    }
    if (domain.shutdown_code == SHUTDOWN_suspend && domain.suspend_event_port != 0) {
        (void)send_event(domain, domain.suspend_event_port);
    }
    if (listener.released) {
        listener.released(domain.id, false);
    }
}

void Hypervisor::resume(Domain& domain)
{
    domain.shut_down = false;
    domain.shutdown_code = shutdown_code_none;
    domain.vcpus_written = true;
    if (listener.may_run_changed) {
        listener.may_run_changed(domain.id);
    }
}

}  // namespace fakexen
