// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: creating, running, looking at and destroying domains.
#include "tests/fakexen/host/hypercalls/domctl.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace fakexen {
namespace {

constexpr std::uint32_t vcpus_max = 128;  ///< Debian's CONFIG_NR_CPUS allows more; enough here

bool is_self(const DomctlCall& call)
{
    return call.domain == &call.caller.domain();
}

/// What of a request means nothing for a PV domain on a machine without an IOMMU.
int check_pv_config(const xen_domctl_createdomain& config)
{
    if ((config.flags & XEN_DOMCTL_CDF_hap) != 0 || config.iommu_opts != 0 ||
        config.vmtrace_size != 0) {
        return -EINVAL;
    }
    return config.arch.emulation_flags != 0 ? -EOPNOTSUPP : 0;
}

/// A grant table needs a version and a frame, and has no more than the host allows. max_grant_frames below 0 is that.
bool grants_allowed(const xen_domctl_createdomain& config, const GrantLimits& most)
{
    const std::uint32_t version = config.grant_opts & XEN_DOMCTL_GRANT_version_mask;
    const std::int32_t frames = config.max_grant_frames;
    return config.grant_opts == version && version != 0 && version <= most.max_version &&
           (frames < 0 || (frames >= static_cast<std::int32_t>(GrantTable::initial_frames) &&
                           static_cast<std::uint32_t>(frames) <= most.max_frames));
}

}  // namespace

xen_domctl_getdomaininfo domain_info(const Domain& domain)
{
    xen_domctl_getdomaininfo info = {};
    info.domain = domain.id;
    info.max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for (const auto& vcpu : domain.vcpus) {
        if (vcpu) {
            info.max_vcpu_id = vcpu->id;
            info.nr_online_vcpus += vcpu->down ? 0U : 1U;
        }
    }
    std::uint32_t flags = 0;
    if (info.nr_online_vcpus > 0) {
        flags |= domain.may_run() ? XEN_DOMINF_running : XEN_DOMINF_blocked;
    }
    flags |= domain.life == Life::dying ? XEN_DOMINF_dying : 0U;
    flags |= domain.shut_down ? XEN_DOMINF_shutdown : 0U;
    flags |= domain.is_paused() ? XEN_DOMINF_paused : 0U;
    flags |= domain.shutdown_code << XEN_DOMINF_shutdownshift;
    info.flags = flags;
    info.tot_pages = domain.nr_pages;
    info.max_pages = domain.max_pages;
    info.shared_info_frame = domain.shared_info ? domain.shared_info->number() : ~std::uint64_t{0};
    std::memcpy(info.handle, domain.handle, sizeof info.handle);
    info.gpaddr_bits = 40;
    return info;
}

namespace domctl {

// The configuration's checks in Xen's order of severity: what it cannot be, then what this host has not.
int create_domain(DomctlCall& call)
{
    const xen_domctl_createdomain& config = call.op.u.createdomain;
    constexpr std::uint32_t known_flags = (1U << 8) - 1;
    if ((config.flags & ~known_flags) != 0 || config.max_vcpus == 0 ||
        config.max_vcpus > vcpus_max) {
        return -EINVAL;
    }
    if ((config.flags & XEN_DOMCTL_CDF_hvm) != 0) {
        return -EINVAL;  // as on a machine without virtualisation extensions
    }
    if (const int error = check_pv_config(config); error != 0) {
        return error;
    }
    if (!grants_allowed(config, call.xen.config().grants)) {
        return -EINVAL;
    }
    const DomainId wanted = call.op.domain < DOMID_FIRST_RESERVED ? call.op.domain : DomainId{0};
    const int created = call.xen.create_domain(wanted, config);
    if (created < 0) {
        return created;
    }
    call.op.domain = static_cast<DomainId>(created);
    if (config.max_evtchn_port < EventChannels::nr_ports_max) {
        call.xen.domain(call.op.domain)->events.set_limit(config.max_evtchn_port + 1);
    }
    return 0;
}

int destroy_domain(DomctlCall& call)
{
    if (is_self(call)) {
        return -EINVAL;
    }
    call.xen.destroy_domain(*call.domain);
    return 0;
}

int pause_domain(DomctlCall& call)
{
    if (is_self(call)) {
        return -EINVAL;
    }
    call.xen.pause(*call.domain);
    return 0;
}

int unpause_domain(DomctlCall& call)
{
    return call.xen.unpause(*call.domain);
}

int resume_domain(DomctlCall& call)
{
    if (is_self(call)) {
        return -EINVAL;
    }
    call.xen.resume(*call.domain);
    return 0;
}

// The first domain whose id is not below the one asked for, whose id goes back to the caller.
int get_domain_info(DomctlCall& call)
{
    if (call.op.domain >= DOMID_FIRST_RESERVED) {
        return -EINVAL;
    }
    const auto at = call.xen.domains().lower_bound(call.op.domain);
    if (at == call.xen.domains().end()) {
        return -ESRCH;
    }
    const Domain& domain = *at->second;
    if (domain.life == Life::dying) {
        (void)call.xen.maps.reclaim_stale();  // mappings that went unseen do not keep it
    }
    call.op.u.getdomaininfo = domain_info(domain);
    call.op.domain = domain.id;
    return 0;
}

int max_vcpus(DomctlCall& call)
{
    if (is_self(call) || call.op.u.max_vcpus.max != call.domain->vcpus.size()) {
        return -EINVAL;
    }
    call.xen.create_vcpus(*call.domain);
    return 0;
}

int max_mem(DomctlCall& call)
{
    constexpr std::uint64_t kib_per_page = 4;
    call.domain->max_pages = call.op.u.max_mem.max_memkb / kib_per_page;
    return 0;
}

int set_handle(DomctlCall& call)
{
    std::memcpy(call.domain->handle, call.op.u.setdomainhandle.handle, sizeof call.domain->handle);
    return 0;
}

int set_time_offset(DomctlCall& call)
{
    call.domain->time_offset_s = call.op.u.settimeoffset.time_offset_seconds;
    return 0;
}

int subscribe(DomctlCall& call)
{
    call.domain->suspend_event_port = call.op.u.subscribe.port;
    return 0;
}

int nothing(DomctlCall&)
{
    return 0;
}

}  // namespace domctl
}  // namespace fakexen
