// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: finding the domain and the handler, copying the structure in and out.
#include "tests/fakexen/host/hypercalls/domctl.hpp"

#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <algorithm>
#include <cerrno>

namespace fakexen {
namespace {

using Back = Domctl::CopyBack;

constexpr Domctl commands[] = {
    {XEN_DOMCTL_createdomain, "createdomain", domctl::create_domain, Back::on_success, false},
    {XEN_DOMCTL_destroydomain, "destroydomain", domctl::destroy_domain, Back::no, true},
    {XEN_DOMCTL_pausedomain, "pausedomain", domctl::pause_domain, Back::no, true},
    {XEN_DOMCTL_unpausedomain, "unpausedomain", domctl::unpause_domain, Back::no, false},
    {XEN_DOMCTL_getdomaininfo, "getdomaininfo", domctl::get_domain_info, Back::on_success, false},
    {XEN_DOMCTL_shadow_op, "shadow_op", domctl::shadow_op, Back::always, true},
    {XEN_DOMCTL_max_mem, "max_mem", domctl::max_mem, Back::no, false},
    {XEN_DOMCTL_setvcpucontext, "setvcpucontext", domctl::set_vcpu_context, Back::no, true},
    {XEN_DOMCTL_getvcpucontext, "getvcpucontext", domctl::get_vcpu_context, Back::on_success, true},
    {XEN_DOMCTL_getvcpuinfo, "getvcpuinfo", domctl::get_vcpu_info, Back::on_success, false},
    {XEN_DOMCTL_max_vcpus, "max_vcpus", domctl::max_vcpus, Back::no, true},
    {XEN_DOMCTL_setdomainhandle, "setdomainhandle", domctl::set_handle, Back::no, false},
    {XEN_DOMCTL_settimeoffset, "settimeoffset", domctl::set_time_offset, Back::no, false},
    {XEN_DOMCTL_subscribe, "subscribe", domctl::subscribe, Back::no, false},
    {XEN_DOMCTL_resumedomain, "resumedomain", domctl::resume_domain, Back::no, true},
    {XEN_DOMCTL_hypercall_init, "hypercall_init", domctl::hypercall_page, Back::no, false},
    {XEN_DOMCTL_set_address_size, "set_address_size", domctl::set_address_size, Back::no, false},
    {XEN_DOMCTL_get_address_size, "get_address_size", domctl::get_address_size, Back::on_success,
     false},
    {XEN_DOMCTL_set_ext_vcpucontext, "set_ext_vcpucontext", domctl::set_extended_context, Back::no,
     true},
    {XEN_DOMCTL_get_ext_vcpucontext, "get_ext_vcpucontext", domctl::get_extended_context,
     Back::on_success, true},
    {XEN_DOMCTL_settscinfo, "settscinfo", domctl::set_tsc, Back::no, true},
    {XEN_DOMCTL_gettscinfo, "gettscinfo", domctl::get_tsc, Back::on_success, true},
    {XEN_DOMCTL_getpageframeinfo3, "getpageframeinfo3", domctl::get_page_types, Back::no, false},
    {XEN_DOMCTL_setvcpuextstate, "setvcpuextstate", domctl::set_xsave, Back::no, true},
    {XEN_DOMCTL_getvcpuextstate, "getvcpuextstate", domctl::get_xsave, Back::always, true},
    {XEN_DOMCTL_get_vcpu_msrs, "get_vcpu_msrs", domctl::get_msrs, Back::always, true},
    {XEN_DOMCTL_set_vcpu_msrs, "set_vcpu_msrs", domctl::set_msrs, Back::always, true},
    {XEN_DOMCTL_get_cpu_policy, "get_cpu_policy", domctl::get_cpu_policy, Back::on_success, false},
    {XEN_DOMCTL_set_cpu_policy, "set_cpu_policy", domctl::set_cpu_policy, Back::always, true},
    {XEN_DOMCTL_gethvmcontext, "gethvmcontext", domctl::for_hvm_only, Back::no, false},
    {XEN_DOMCTL_sethvmcontext, "sethvmcontext", domctl::for_hvm_only, Back::no, false},
    {XEN_DOMCTL_getvcpuaffinity, "getvcpuaffinity", domctl::get_vcpu_affinity, Back::no, false},
    {XEN_DOMCTL_setvcpuaffinity, "setvcpuaffinity", domctl::set_vcpu_affinity, Back::no, false},
    {XEN_DOMCTL_setnodeaffinity, "setnodeaffinity", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_scheduler_op, "scheduler_op", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_iomem_permission, "iomem_permission", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_ioport_permission, "ioport_permission", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_irq_permission, "irq_permission", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_set_virq_handler, "set_virq_handler", domctl::nothing, Back::no, false},
    {XEN_DOMCTL_setvnumainfo, "setvnumainfo", domctl::nothing, Back::no, false},
};

const Domctl* find_command(std::uint32_t command) noexcept
{
    const auto* at = std::find_if(std::begin(commands), std::end(commands),
                                  [&](const Domctl& known) { return known.command == command; });
    return at == std::end(commands) ? nullptr : at;
}

bool needs_domain(std::uint32_t command)
{
    return command != XEN_DOMCTL_createdomain && command != XEN_DOMCTL_getdomaininfo;
}

}  // namespace

std::optional<DomainId> domctl_pauses(const xen_domctl& op) noexcept
{
    const Domctl* known = find_command(op.cmd);
    return known != nullptr && known->pauses ? std::optional{op.domain} : std::nullopt;
}

std::int64_t hypercall::domctl(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    auto op = caller.read<xen_domctl>(args[0]);
    const Domctl* known = find_command(op.cmd);
    caller.enter("domctl", known != nullptr ? known->name : "other");
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!caller.is_dom0()) {
        return -EPERM;
    }
    Domain* domain = xen.domain(op.domain);
    if (domain == nullptr && needs_domain(op.cmd)) {
        return -ESRCH;
    }
    if (known == nullptr) {
        xen.log().warning("domctl %u answered with ENOSYS", op.cmd);
        return -ENOSYS;
    }
    DomctlCall call{xen, caller, domain, op};
    const int result = known->serve(call);
    if (known->copy_back == Back::always || (known->copy_back == Back::on_success && result >= 0)) {
        caller.write(args[0], op);
    }
    return result;
}

}  // namespace fakexen
