// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains made, looked at, paused and shut down.
#include "tests/xenhost/calls/sections.hpp"

namespace calls {
namespace {

/// Asks for a domain with one thing changed; destroys it if there is one after all.
template <typename Change>
void try_request(Machine& machine, const char* what, Change change)
{
    xen_domctl op = domain_request(2);
    change(op.u.createdomain);
    const Result result = machine.domctl(op);
    tell(result, "domctl createdomain %s", what);
    if (result == 0) {
        xen_domctl end = {};
        end.cmd = XEN_DOMCTL_destroydomain;
        end.domain = op.domain;
        tell(machine.domctl(end), "  destroydomain");
    }
}

void try_requests(Machine& machine)
{
    using Config = xen_domctl_createdomain;
    try_request(machine, "as the others", [](Config&) {});
    try_request(machine, "with an unknown flag", [](Config& c) { c.flags = 1U << 31; });
    try_request(machine, "of no vCPU", [](Config& c) { c.max_vcpus = 0; });
    try_request(machine, "of 100000 vCPUs", [](Config& c) { c.max_vcpus = 100000; });
    try_request(machine, "with HAP and no HVM", [](Config& c) { c.flags = XEN_DOMCTL_CDF_hap; });
    try_request(machine, "with oos off", [](Config& c) { c.flags = XEN_DOMCTL_CDF_oos_off; });
    try_request(machine, "with emulated devices",
                [](Config& c) { c.arch.emulation_flags = XEN_X86_EMU_LAPIC; });
    try_request(machine, "without grant frames", [](Config& c) { c.max_grant_frames = 0; });
    try_request(machine, "with grants of version 0", [](Config& c) { c.grant_opts = 0; });
    try_request(machine, "with grants of version 3",
                [](Config& c) { c.grant_opts = XEN_DOMCTL_GRANT_version(3); });
    try_request(machine, "with no event channel limit", [](Config& c) { c.max_evtchn_port = ~0U; });
    try_request(machine, "with IOMMU options and no IOMMU", [](Config& c) { c.iommu_opts = 1; });
    try_request(machine, "with vmtrace", [](Config& c) { c.vmtrace_size = 4096; });
    xen_domctl op = domain_request(2);
    op.domain = 0;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
    tell(machine.domctl(op), "domctl createdomain of another version");
    op = domain_request(2);
    op.domain = DOMID_FIRST_RESERVED;
    const Result result = machine.domctl(op);
    tell(result, "domctl createdomain with a reserved number");
    if (result == 0) {
        op.cmd = XEN_DOMCTL_destroydomain;
        tell(machine.domctl(op), "  destroydomain");
    }
}

void tell_info(const Domain& domain, const char* when)
{
    const auto info = domain.info();
    say("info %s: flags %#x, vCPUs online %u, max_vcpu_id %d", when, info.flags,
        info.nr_online_vcpus, static_cast<int>(info.max_vcpu_id));
    say("  tot_pages %lu, outstanding %lu, shr_pages %lu, paged_pages %lu", info.tot_pages,
        info.outstanding_pages, info.shr_pages, info.paged_pages);
    say("  gpaddr_bits %u, shared_info %s", info.gpaddr_bits,
        info.shared_info_frame + 1 == 0 ? "none"
                                        : domain.type_of_mfn(info.shared_info_frame).c_str());
}

void try_vcpu_counts(Machine& machine)
{
    xen_domctl op = domain_request(2);
    tell(machine.domctl(op), "domctl createdomain");
    const domid_t id = op.domain;
    const auto max_vcpus = [&](unsigned max) {
        op = {};
        op.cmd = XEN_DOMCTL_max_vcpus;
        op.domain = id;
        op.u.max_vcpus.max = max;
        return machine.domctl(op);
    };
    const auto vcpu = [&](unsigned number) {
        op = {};
        op.cmd = XEN_DOMCTL_getvcpuinfo;
        op.domain = id;
        op.u.getvcpuinfo.vcpu = number;
        const Result result = machine.domctl(op);
        tell(result, "domctl getvcpuinfo %u", number);
        if (result == 0) {
            say("  online %u, blocked %u, running %u", op.u.getvcpuinfo.online,
                op.u.getvcpuinfo.blocked, op.u.getvcpuinfo.running);
        }
    };
    vcpu(0);
    op = {};
    op.cmd = XEN_DOMCTL_unpausedomain;
    op.domain = id;
    tell(machine.domctl(op), "domctl unpausedomain without vCPUs");
    op.cmd = XEN_DOMCTL_pausedomain;
    tell(machine.domctl(op), "domctl pausedomain without vCPUs");
    for (const unsigned max : {0U, 1U, 3U, 2U, 2U}) {
        tell(max_vcpus(max), "domctl max_vcpus %u of 2", max);
    }
    for (const unsigned number : {0U, 1U, 2U, 100000U}) {
        vcpu(number);
    }
    op = {};
    op.cmd = XEN_DOMCTL_destroydomain;
    op.domain = id;
    tell(machine.domctl(op), "domctl destroydomain");
    tell(machine.domctl(op), "domctl destroydomain of what is gone");
    vcpu(0);
}

void try_pauses(const Domain& domain)
{
    tell(domain.domctl(XEN_DOMCTL_pausedomain), "domctl pausedomain");
    say("  flags %#x", domain.info().flags);
    for (int n = 0; n < 3; ++n) {
        tell(domain.domctl(XEN_DOMCTL_unpausedomain), "domctl unpausedomain");
        say("  flags %#x", domain.info().flags);
    }
    tell(domain.domctl(XEN_DOMCTL_pausedomain), "domctl pausedomain");
}

void try_shutdown(const Domain& domain)
{
    Machine& machine = domain.machine();
    const auto shut_down = [&](domid_t id, unsigned reason) {
        sched_remote_shutdown_t request = {};
        request.domain_id = id;
        request.reason = reason;
        return machine.on(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, request);
    };
    tell(domain.domctl(XEN_DOMCTL_resumedomain), "domctl resumedomain of what is not shut down");
    tell(shut_down(DOMID_FIRST_RESERVED - 1, SHUTDOWN_suspend),
         "sched_op remote_shutdown of nobody");
    for (const unsigned reason :
         {unsigned{SHUTDOWN_suspend}, unsigned{SHUTDOWN_crash}, unsigned{SHUTDOWN_poweroff}, 99U}) {
        tell(shut_down(domain.id(), reason), "sched_op remote_shutdown for reason %u", reason);
        say("  flags %#x", domain.info().flags);
        tell(shut_down(domain.id(), SHUTDOWN_reboot), "sched_op remote_shutdown again");
        say("  flags %#x", domain.info().flags);
        tell(domain.domctl(XEN_DOMCTL_resumedomain), "domctl resumedomain");
        say("  flags %#x", domain.info().flags);
    }
    tell(machine.hypercall(__HYPERVISOR_sched_op, {99, 0}), "sched_op 99");
}

void try_who(Machine& machine)
{
    const auto domctl = [&](int cmd, domid_t id) {
        xen_domctl op = {};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.domain = id;
        return machine.domctl(op);
    };
    constexpr domid_t nobody = DOMID_FIRST_RESERVED - 1;
    for (const int cmd :
         {XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain,
          XEN_DOMCTL_destroydomain, XEN_DOMCTL_resumedomain, XEN_DOMCTL_get_address_size}) {
        tell(domctl(cmd, nobody), "domctl %d of nobody", cmd);
        tell(domctl(cmd, DOMID_FIRST_RESERVED), "domctl %d of a reserved number", cmd);
    }
    for (const int cmd : {XEN_DOMCTL_pausedomain, XEN_DOMCTL_destroydomain, XEN_DOMCTL_resumedomain,
                          XEN_DOMCTL_max_vcpus}) {
        tell(domctl(cmd, 0), "domctl %d of itself", cmd);
    }
    tell(domctl(9999, 0), "domctl 9999");
    tell(machine.hypercall(__HYPERVISOR_domctl, {16}), "domctl from nowhere");
    tell(machine.hypercall(63, {0}), "hypercall 63");
}

}  // namespace

void try_creation(Machine& machine)
{
    try_requests(machine);
    try_vcpu_counts(machine);
    try_who(machine);
    Domain domain{machine};
    tell_info(domain, "of a new domain");
    domain.populate();
    tell_info(domain, "with memory");
    try_pauses(domain);
    try_shutdown(domain);
    tell_info(domain, "at the end");
}

}  // namespace calls
