// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain must be to be saved.
#include "libsr/save/guest_state.hpp"

namespace sr {
namespace {

void check_can_be_saved(const Domain& domain, const DomainInfo& info)
{
    const std::uint32_t domid = domain.domid();
    if (domid == 0) {
        throw Error{Errc::usage, "domain 0 is the host's own: it cannot be saved"};
    }
    if (info.dying) {
        throw Error{Errc::guest, "domain %u is dying", domid};
    }
    if (info.crashed) {
        throw Error{Errc::guest, "domain %u has crashed", domid};
    }
    if (info.shut_down && !info.suspended()) {
        throw Error{Errc::guest, "domain %u has shut down (reason %u), and is not suspended", domid,
                    info.shutdown_reason};
    }
    if (info.nr_vcpus == 0) {
        throw Error{Errc::guest, "domain %u has no vCPUs: nothing ever ran in it", domid};
    }
    if (info.hvm) {
        throw Error{Errc::unsupported, "domain %u is an HVM or PVH guest: only PV can be saved yet",
                    domid};
    }
}

}  // namespace

DomainInfo savable_info(const Domain& domain)
{
    const DomainInfo info = domain.info();
    check_can_be_saved(domain, info);
    return info;
}

DomainInfo suspended_info(const Domain& domain, SaveCaller& caller)
{
    DomainInfo info = savable_info(domain);
    if (info.suspended()) {
        caller.guest_has_suspended();
        return info;
    }
    caller.suspend();
    info = domain.info();
    if (!info.suspended()) {
        throw Error{Errc::guest, "domain %u was to suspend, but %s", domain.domid(),
                    info.crashed     ? "has crashed"
                    : info.shut_down ? "has shut down for another reason"
                                     : "still runs"};
    }
    caller.guest_has_suspended();
    return info;
}

void check_still_suspended(const Domain& domain)
{
    if (!domain.info().suspended()) {
        throw Error{Errc::guest, "domain %u did not stay suspended while it was saved",
                    domain.domid()};
    }
}

}  // namespace sr
