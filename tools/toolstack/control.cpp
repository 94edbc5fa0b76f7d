// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding, creating, resuming and destroying domains by hypercall.
#include "tools/toolstack/control.hpp"

#include "libsr/base/error.hpp"

// Xen's headers do not know C++.
extern "C" {
#include <xenctrl.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sr {
namespace {

constexpr std::uint64_t memory_slack_kib = 1024;  // what libxl allows beyond a guest's size

void check(int result, const char* call, DomId domid)
{
    if (result < 0) {
        throw Error::from_errno(Errc::hypervisor, errno, "domain %u: %s failed", domid, call)
            .with_call(call);
    }
}

std::optional<ShutdownReason> shutdown_of(const xc_dominfo_t& info)
{
    if (info.crashed != 0) {
        return ShutdownReason::crash;
    }
    if (info.shutdown == 0) {
        return std::nullopt;
    }
    switch (info.shutdown_reason) {
    case SHUTDOWN_poweroff:
        return ShutdownReason::poweroff;
    case SHUTDOWN_reboot:
        return ShutdownReason::reboot;
    case SHUTDOWN_suspend:
        return ShutdownReason::suspend;
    default:
        return ShutdownReason::other;
    }
}

DomainState state_from(const xc_dominfo_t& info)
{
    DomainState state;
    state.id = info.domid;
    std::copy(std::begin(info.handle), std::end(info.handle), state.uuid.octets.begin());
    state.is_hvm = info.hvm != 0;
    state.is_paused = info.paused != 0;
    state.is_dying = info.dying != 0;
    state.shutdown = shutdown_of(info);
    state.nr_pages = info.nr_pages;
    state.max_memory_kib = info.max_memkb;
    state.max_vcpus = info.max_vcpu_id + 1;
    return state;
}

xen_domctl_createdomain creation_of(const DomainConfig& config, unsigned grant_version)
{
    xen_domctl_createdomain create{};
    std::copy(config.uuid.octets.begin(), config.uuid.octets.end(), std::begin(create.handle));
    create.max_vcpus = config.max_vcpus;
    create.max_evtchn_port = 1023;  // libxl's default
    create.max_grant_frames = config.max_grant_frames
                                  ? static_cast<std::int32_t>(*config.max_grant_frames)
                                  : -1;  // the hypervisor's
    create.max_maptrack_frames = -1;
    create.grant_opts = XEN_DOMCTL_GRANT_version(grant_version);
    create.arch.misc_flags = config.msr_relaxed ? XEN_X86_MSR_RELAXED : 0;
    return create;
}

}  // namespace

Control::Control()
    : quiet_{reinterpret_cast<xentoollog_logger*>(  // NOLINT: a C idiom of inheritance
          xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0))},
      handle_{xc_interface_open(quiet_, quiet_, 0)}
{
    if (handle_ == nullptr) {
        const int errnum = errno;
        xtl_logger_destroy(quiet_);
        throw Error::from_errno(
            Errc::hypervisor, errnum,
            "cannot reach the hypervisor (is this a Xen host, and are you root?)")
            .with_call("xc_interface_open");
    }
}

Control::~Control()
{
    (void)xc_interface_close(handle_);
    xtl_logger_destroy(quiet_);
}

std::optional<DomainState> Control::state_of(DomId domid) const
{
    xc_dominfo_t info{};
    const int got = xc_domain_getinfo(handle_, domid, 1, &info);
    if (got < 0 && errno != ESRCH) {
        check(got, "XEN_DOMCTL_getdomaininfo", domid);
    }
    if (got != 1 || info.domid != domid) {  // the call answers with the next domain there is
        return std::nullopt;
    }
    return state_from(info);
}

std::vector<DomainState> Control::list() const
{
    std::vector<DomainState> states;
    std::array<xc_dominfo_t, 64> infos{};
    DomId next = 0;
    for (;;) {
        const int got = xc_domain_getinfo(handle_, next, infos.size(), infos.data());
        if (got < 0 && errno != ESRCH) {
            check(got, "XEN_DOMCTL_getdomaininfo", next);
        }
        if (got <= 0) {
            return states;
        }
        for (int i = 0; i < got; ++i) {
            states.push_back(state_from(infos.at(static_cast<std::size_t>(i))));
        }
        next = states.back().id + 1;
    }
}

/// EINVAL tells many things apart not at all; a limit of grants beyond the host's is the one that comes with a file.
void Control::fail_to_create(const DomainConfig& config, int errnum) const
{
    xc_physinfo_t host{};
    const bool is_known = errnum == EINVAL && xc_physinfo(handle_, &host) == 0;
    const unsigned offered = (host.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2) != 0 ? 2 : 1;
    if (is_known && config.max_grant_version.value_or(0) > offered) {
        throw Error{
            Errc::mismatch,
            "cannot create the domain: its configuration allows grant tables of version %u, "
            "and this host of version %u only",
            *config.max_grant_version, offered};
    }
    if (errnum == EINVAL && config.max_grant_frames) {
        throw Error::from_errno(
            Errc::hypervisor, errnum,
            "cannot create a domain: XEN_DOMCTL_createdomain failed; its configuration says "
            "max_grant_frames=%u, which this host may not allow (gnttab_max_frames= of its Xen)",
            *config.max_grant_frames)
            .with_call("XEN_DOMCTL_createdomain");
    }
    throw Error::from_errno(Errc::hypervisor, errnum,
                            "cannot create a domain: XEN_DOMCTL_createdomain failed")
        .with_call("XEN_DOMCTL_createdomain");
}

CreatedDomain Control::create_empty(const DomainConfig& config) const
{
    CreatedDomain created{.id = 0, .max_grant_version = config.max_grant_version.value_or(2)};
    auto create = creation_of(config, created.max_grant_version);
    int result = xc_domain_create(handle_, &created.id, &create);
    if (result < 0 && errno == EINVAL && !config.max_grant_version) {
        created.max_grant_version = 1;  // a host that offers version 1 only
        create = creation_of(config, created.max_grant_version);
        result = xc_domain_create(handle_, &created.id, &create);
    }
    if (result < 0) {
        fail_to_create(config, errno);
    }
    return created;
}

CreatedDomain Control::create(const DomainConfig& config) const
{
    const CreatedDomain created = create_empty(config);
    try {
        check(xc_domain_max_vcpus(handle_, created.id, config.max_vcpus), "XEN_DOMCTL_max_vcpus",
              created.id);
        // The guest may be above its target yet: the lower limit comes when it is complete.
        limit_memory(created.id, std::max(config.max_memory_kib, config.target_memory_kib));
    } catch (...) {
        (void)xc_domain_destroy(handle_, created.id);
        throw;
    }
    return created;
}

void Control::limit_memory(DomId domid, std::uint64_t memory_kib) const
{
    check(xc_domain_setmaxmem(handle_, domid, memory_kib + memory_slack_kib), "XEN_DOMCTL_max_mem",
          domid);
}

std::uint32_t Control::new_port(DomId domid) const
{
    const int port = xc_evtchn_alloc_unbound(handle_, domid, 0);
    check(port, "EVTCHNOP_alloc_unbound", domid);
    return static_cast<std::uint32_t>(port);
}

void Control::pause(DomId domid) const
{
    check(xc_domain_pause(handle_, domid), "XEN_DOMCTL_pausedomain", domid);
}

void Control::unpause(DomId domid) const
{
    check(xc_domain_unpause(handle_, domid), "XEN_DOMCTL_unpausedomain", domid);
}

void Control::destroy(DomId domid) const
{
    check(xc_domain_destroy(handle_, domid), "XEN_DOMCTL_destroydomain", domid);
}

void Control::mark_suspend_cancelled(DomId domid) const
{
    unsigned width_octets = 0;
    // It returns 1 when it fails, and would leave the wrong register set.
    check(xc_domain_get_guest_width(handle_, domid, &width_octets) == 0 ? 0 : -1,
          "XEN_DOMCTL_get_address_size", domid);
    vcpu_guest_context_any_t context;
    std::memset(&context, 0, sizeof(context));
    check(xc_vcpu_getcontext(handle_, domid, 0, &context), "XEN_DOMCTL_getvcpucontext", domid);
    if (width_octets == 8) {
        context.x64.user_regs.rax = 1;
    } else {
        context.x32.user_regs.eax = 1;
    }
    check(xc_vcpu_setcontext(handle_, domid, 0, &context), "XEN_DOMCTL_setvcpucontext", domid);
}

void Control::resume(DomId domid) const
{
    mark_suspend_cancelled(domid);
    xen_domctl domctl{};
    domctl.cmd = XEN_DOMCTL_resumedomain;
    domctl.domain = static_cast<domid_t>(domid);
    check(xc_domctl(handle_, &domctl), "XEN_DOMCTL_resumedomain", domid);
}

}  // namespace sr
