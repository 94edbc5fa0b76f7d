// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypervisor of a host: its machine, its domains, and what is done to them. Hypercalls are served in hypercalls/.
#pragma once

#include "libsr/base/log.hpp"
#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/foreign_maps.hpp"
#include "tests/fakexen/host/machine.hpp"
#include "tests/fakexen/host/page_types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace fakexen {

/// What a host is started with.
struct HypervisorConfig {
    MachineConfig machine;
    std::uint64_t xsave_features = xsave::usual_features;
    bool stale_types = false;   ///< Quirks::stale_types
    bool eager_status = false;  ///< Quirks::eager_status
    GrantLimits
        grants{};  ///< what no domain may exceed: Xen's gnttab_max_frames= and gnttab=max-ver:
};

using DomainMap = std::map<DomainId, std::unique_ptr<Domain>>;

class Hypervisor {
public:
    Hypervisor(const HypervisorConfig& config, sr::Logger& log);
    Hypervisor(const Hypervisor&) = delete;
    Hypervisor& operator=(const Hypervisor&) = delete;
    ~Hypervisor();

    /// What the rest of the host does when a domain's state changes. Called in the middle of hypercalls: note it, act later.
    struct Listener {
        std::function<void(DomainId)> may_run_changed;          ///< (un)paused, shut down, resumed
        std::function<void(DomainId, bool gone)> released;      ///< shut down, or gone altogether
        std::function<void(DomainId, std::uint32_t)> notified;  ///< this port became pending
        std::function<void(DomainId, std::uint32_t)>
            kicked;  ///< the domain sent on this port to dom0
    };
    Listener listener;

    Machine machine;
    PageTypes types;
    ForeignMaps maps;

    /// Asked before Xen allocates for a grant table, if it is set: whether that succeeds. It is set for the time of a call
    /// (AllocationCues).
    std::function<bool(const char* what)> may_allocate;
    [[nodiscard]] bool allows(const char* what) const
    {
        return !may_allocate || may_allocate(what);
    }

    [[nodiscard]] sr::Logger& log() noexcept { return log_; }
    [[nodiscard]] const HypervisorConfig& config() const noexcept { return config_; }
    [[nodiscard]] const DomainMap& domains() const noexcept { return domains_; }
    [[nodiscard]] Domain& dom0() const { return *domains_.at(0); }
    /// The domain, dying ones too, or null.
    [[nodiscard]] Domain* domain(std::uint64_t id) const noexcept;

    /// Makes a domain, paused, without vCPUs or memory. @param id 0 takes the next free one @return its id or -errno
    [[nodiscard]] int create_domain(DomainId id, const xen_domctl_createdomain& config);
    /// Fills the vCPU slots of a domain.
    void create_vcpus(Domain& domain);
    /// Takes everything from a domain. It is gone once the last reference to its frames is; until then it is dying.
    void destroy_domain(Domain& domain);
    /// Removes dying domains that nothing holds any more. Between hypercalls only: it ends Domain objects.
    void collect_dead();

    void pause(Domain& domain);
    /// @return 0, or -EINVAL if it is not paused
    [[nodiscard]] int unpause(Domain& domain);
    void shut_down(Domain& domain, std::uint8_t reason);
    void resume(Domain& domain);

    /// A new frame for a domain, its M2P entry set. Nothing when memory or the domain's limit is used up.
    [[nodiscard]] std::optional<Mfn> add_page(Domain& domain, std::uint64_t pfn)
    {
        return add_extent(domain, pfn, 0);
    }
    /// The first of 2^order new frames in a row, all or none, for as many pfns in a row (or invalid_m2p_entry for all).
    [[nodiscard]] std::optional<Mfn> add_extent(Domain& domain, std::uint64_t pfn, unsigned order);
    /// Gives a frame of a domain back. @return 0 or -errno of Xen's guest_remove_page
    [[nodiscard]] int remove_page(Domain& domain, Mfn mfn);

    /// A CPU stored to a frame: its owner's log-dirty bitmap shows it, if that is on, and the first store since the last
    /// CLEAN was a page fault. Numbers of no owned RAM are ignored.
    void mark_stored(Mfn mfn);

    /// A zeroed page of Xen's that the domain may map, until it is released.
    [[nodiscard]] std::optional<Mfn> take_xen_page(Domain& domain);

    /// Status frames of all grant tables: now, and the most there ever were at a time.
    [[nodiscard]] std::uint64_t nr_status_frames() const;
    [[nodiscard]] std::uint64_t status_frames_peak() const noexcept { return status_frames_peak_; }
    /// To be called when there is one more.
    void note_status_frames();

    /// Marks a port pending in a domain's shared_info (2-level ABI).
    void raise_event(Domain& domain, std::uint32_t port);
    /// Binds a new port of `near` to an unbound one of `far`. @return the new port or -errno
    [[nodiscard]] int bind_event(Domain& near, Domain& far, std::uint32_t far_port);
    /// EVTCHNOP_send: raises the other end of an interdomain port. @return 0 or -EINVAL
    [[nodiscard]] int send_event(Domain& domain, std::uint32_t port);

    /// Empties a vCPU: tables, GDT and vcpu_info give their references back.
    void reset_vcpu(Vcpu& vcpu);
    void drop_gdt(Vcpu& vcpu);

private:
    std::unique_ptr<Domain> make_domain(DomainId id, const xen_domctl_createdomain& config);
    std::optional<DomainId> free_domain_id();
    /// One that a 32-bit field can address, as Xen takes for shared_info; any where the whole machine lies above.
    [[nodiscard]] std::optional<Mfn> take_low_xen_page(Domain& domain);
    [[nodiscard]] std::optional<Mfn> share_zeroed(Domain& domain, std::optional<Mfn> mfn);
    void unpin_all(Domain& domain);
    void release_all(Domain& domain);

    HypervisorConfig config_;
    sr::Logger& log_;
    DomainMap domains_;
    DomainId last_id_ = 0;
    std::uint64_t status_frames_peak_ = 0;
};

}  // namespace fakexen
