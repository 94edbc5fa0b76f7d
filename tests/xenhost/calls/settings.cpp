// SPDX-License-Identifier: LGPL-2.1-or-later
// What a toolstack sets once.
#include "tests/xenhost/calls/sections.hpp"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

namespace calls {
namespace {

void try_width(const Domain& domain)
{
    xen_domctl op = {};
    tell(domain.domctl(XEN_DOMCTL_get_address_size, op), "domctl get_address_size");
    say("  size %u", op.u.address_size.size);
    for (const unsigned size : {64U, 48U, 0U}) {
        op = {};
        op.u.address_size.size = size;
        tell(domain.domctl(XEN_DOMCTL_set_address_size, op), "domctl set_address_size %u", size);
    }
}

void try_tsc(const Domain& domain)
{
    xen_domctl op = {};
    tell(domain.domctl(XEN_DOMCTL_gettscinfo, op), "domctl gettscinfo");
    say("  mode %u, incarnation %u", op.u.tsc_info.tsc_mode, op.u.tsc_info.incarnation);
    for (unsigned mode = 0; mode < 5; ++mode) {
        op = {};
        op.u.tsc_info.tsc_mode = mode;
        op.u.tsc_info.gtsc_khz = 1000000;
        op.u.tsc_info.incarnation = 7;
        tell(domain.domctl(XEN_DOMCTL_settscinfo, op), "domctl settscinfo, mode %u", mode);
        op = {};
        tell(domain.domctl(XEN_DOMCTL_gettscinfo, op), "domctl gettscinfo");
        say("  mode %u, incarnation %u", op.u.tsc_info.tsc_mode, op.u.tsc_info.incarnation);
    }
}

void try_policy(const Domain& domain)
{
    Machine& machine = domain.machine();
    constexpr unsigned room = 200;
    auto* const leaves = machine.take<xen_cpuid_leaf_t>(room);
    auto* const msrs = machine.take<xen_msr_entry_t>(room);
    const auto call = [&](unsigned cmd, unsigned nr_leaves, unsigned nr_msrs, bool handles) {
        xen_domctl op = {};
        auto& policy = op.u.cpu_policy;
        policy.nr_leaves = nr_leaves;
        policy.nr_msrs = nr_msrs;
        if (handles) {
            set_xen_guest_handle(policy.leaves, leaves);
            set_xen_guest_handle(policy.msrs, msrs);
        }
        const Result result = domain.domctl(cmd, op);
        tell(result, "domctl %s_cpu_policy, %s, %u msrs%s",
             cmd == XEN_DOMCTL_get_cpu_policy ? "get" : "set",
             nr_leaves == 0   ? "no leaf"
             : nr_leaves == 1 ? "one leaf"
                              : "leaves",
             nr_msrs, handles ? "" : ", nowhere");
        if (cmd == XEN_DOMCTL_set_cpu_policy) {
            say("  err_leaf %#x, err_subleaf %#x, err_msr %#x", policy.err_leaf, policy.err_subleaf,
                policy.err_msr);
        }
        return policy;
    };
    (void)call(XEN_DOMCTL_get_cpu_policy, 0, 0, false);
    (void)call(XEN_DOMCTL_get_cpu_policy, 1, 8, true);
    (void)call(XEN_DOMCTL_get_cpu_policy, room, 0, true);
    const auto got = call(XEN_DOMCTL_get_cpu_policy, room, 8, true);
    say("  msrs %u", got.nr_msrs);
    (void)call(XEN_DOMCTL_set_cpu_policy, 0, 0, true);
    (void)call(XEN_DOMCTL_set_cpu_policy, 100000, 0, true);
    (void)call(XEN_DOMCTL_set_cpu_policy, got.nr_leaves, got.nr_msrs, true);
    (void)call(XEN_DOMCTL_set_cpu_policy, 1, 0, false);
    leaves[0] = {};
    leaves[0].leaf = 0x12345678;
    leaves[0].subleaf = XEN_CPUID_NO_SUBLEAF;
    (void)call(XEN_DOMCTL_set_cpu_policy, 1, 0, true);
    msrs[0] = {};
    msrs[0].idx = 0x12345;
    (void)call(XEN_DOMCTL_set_cpu_policy, 0, 1, true);
    msrs[0].idx = 0xce;
    msrs[0].flags = 1;
    (void)call(XEN_DOMCTL_set_cpu_policy, 0, 1, true);
    msrs[0].flags = 0;
    msrs[0].val = ~std::uint64_t{0};
    (void)call(XEN_DOMCTL_set_cpu_policy, 0, 1, true);
    tell(domain.domctl(XEN_DOMCTL_unpausedomain), "domctl unpausedomain");
    tell(domain.domctl(XEN_DOMCTL_pausedomain), "domctl pausedomain");
    (void)call(XEN_DOMCTL_set_cpu_policy, 0, 0, true);
}

/// What a PV domain is refused.
void try_hvm(const Domain& domain)
{
    Machine& machine = domain.machine();
    xen_domctl op = {};
    tell(domain.domctl(XEN_DOMCTL_gethvmcontext, op), "domctl gethvmcontext");
    op = {};
    tell(domain.domctl(XEN_DOMCTL_sethvmcontext, op), "domctl sethvmcontext");
    for (const unsigned cmd : {unsigned{HVMOP_get_param}, unsigned{HVMOP_set_param}}) {
        xen_hvm_param_t param = {};
        param.domid = domain.id();
        param.index = HVM_PARAM_STORE_PFN;
        tell(machine.on(__HYPERVISOR_hvm_op, cmd, param), "hvm_op %s of a PV domain",
             cmd == HVMOP_get_param ? "get_param" : "set_param");
        param.domid = DOMID_FIRST_RESERVED - 1;
        tell(machine.on(__HYPERVISOR_hvm_op, cmd, param), "hvm_op %s of nobody",
             cmd == HVMOP_get_param ? "get_param" : "set_param");
    }
    tell(machine.hypercall(__HYPERVISOR_hvm_op, {99, 0}), "hvm_op 99");
}

void try_others(const Domain& domain)
{
    xen_domctl op = {};
    op.u.settimeoffset.time_offset_seconds = 60;
    tell(domain.domctl(XEN_DOMCTL_settimeoffset, op), "domctl settimeoffset");
    op = {};
    op.u.setdomainhandle.handle[0] = 1;
    tell(domain.domctl(XEN_DOMCTL_setdomainhandle, op), "domctl setdomainhandle");
    say("  handle %02x", domain.info().handle[0]);
    for (const unsigned port : {0U, 1U, 100000U}) {
        op = {};
        op.u.subscribe.port = port;
        tell(domain.domctl(XEN_DOMCTL_subscribe, op), "domctl subscribe %u", port);
    }
    const Mfn mfns[] = {domain.mfn(3), domain.info().shared_info_frame, ~Mfn{0}};
    for (const Mfn mfn : mfns) {
        op = {};
        op.u.hypercall_init.gmfn = mfn;
        tell(domain.domctl(XEN_DOMCTL_hypercall_init, op), "domctl hypercall_init %s",
             mfn == mfns[0]   ? "in a page"
             : mfn == mfns[1] ? "in shared_info"
                              : "nowhere");
    }
    tell(domain.pin(1, 4), "pinning an empty L1");
    op = {};
    op.u.hypercall_init.gmfn = domain.mfn(4);
    tell(domain.domctl(XEN_DOMCTL_hypercall_init, op), "domctl hypercall_init in a page table");
}

}  // namespace

void try_settings(Machine& machine)
{
    Domain domain{machine};
    try_width(domain);
    domain.populate();
    xen_domctl op = {};
    op.u.address_size.size = 32;
    tell(domain.domctl(XEN_DOMCTL_set_address_size, op), "domctl set_address_size 32 with memory");
    try_tsc(domain);
    try_others(domain);
    try_hvm(domain);
    try_policy(domain);
}

}  // namespace calls
