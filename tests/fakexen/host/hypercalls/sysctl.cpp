// SPDX-License-Identifier: LGPL-2.1-or-later
// sysctl: the host itself.
#include "tests/fakexen/host/hypercalls/domctl.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>

namespace fakexen::hypercall {
namespace {

int physinfo(const Hypervisor& xen, xen_sysctl& op)
{
    auto& info = op.u.physinfo;
    info = {};
    info.threads_per_core = 1;
    info.cores_per_socket = 1;
    info.nr_cpus = 1;
    info.nr_nodes = 1;
    info.cpu_khz = 2'000'000;
    info.capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
    if (xen.config().grants.max_version >= 2) {
        info.capabilities |= XEN_SYSCTL_PHYSCAP_gnttab_v2;
    }
    info.total_pages = xen.machine.nr_frames();
    info.free_pages = xen.machine.nr_free();
    info.max_mfn = xen.machine.max_mfn();
    return 0;
}

int list_domains(const Hypervisor& xen, const Caller& caller, xen_sysctl& op)
{
    auto& list = op.u.getdomaininfolist;
    std::uint32_t written = 0;
    for (auto at = xen.domains().lower_bound(list.first_domain);
         at != xen.domains().end() && written < list.max_domains; ++at, ++written) {
        caller.write(address_of(list.buffer) + written * sizeof(xen_domctl_getdomaininfo),
                     domain_info(*at->second));
    }
    list.num_domains = written;
    return 0;
}

int get_cpu_policy(const Caller& caller, xen_sysctl& op)
{
    auto& policy = op.u.cpu_policy;
    if (policy._rsvd != 0 || policy.index > XEN_SYSCTL_cpu_policy_hvm_default) {
        return -EINVAL;
    }
    if (policy.index == XEN_SYSCTL_cpu_policy_hvm_max ||
        policy.index == XEN_SYSCTL_cpu_policy_hvm_default) {
        return -EOPNOTSUPP;
    }
    return write_cpu_policy(caller, default_cpu_policy(), address_of(policy.leaves),
                            policy.nr_leaves, address_of(policy.msrs), policy.nr_msrs);
}

int serve(Hypervisor& xen, const Caller& caller, xen_sysctl& op)
{
    switch (op.cmd) {
    case XEN_SYSCTL_physinfo:
        caller.enter("sysctl", "physinfo");
        return physinfo(xen, op);
    case XEN_SYSCTL_getdomaininfolist:
        caller.enter("sysctl", "getdomaininfolist");
        (void)xen.maps.reclaim_stale();
        return list_domains(xen, caller, op);
    case XEN_SYSCTL_get_cpu_policy:
        caller.enter("sysctl", "get_cpu_policy");
        return get_cpu_policy(caller, op);
    case XEN_SYSCTL_sched_id:
        caller.enter("sysctl", "sched_id");
        op.u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
        return 0;
    default:
        caller.enter("sysctl", "other");
        xen.log().warning("sysctl %u answered with ENOSYS", op.cmd);
        return -ENOSYS;
    }
}

}  // namespace

std::int64_t sysctl(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    auto op = caller.read<xen_sysctl>(args[0]);
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!caller.is_dom0()) {
        return -EPERM;
    }
    const int result = serve(xen, caller, op);
    if (result >= 0) {
        caller.write(args[0], op);
    }
    return result;
}

}  // namespace fakexen::hypercall
