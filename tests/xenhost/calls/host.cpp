// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls about the host itself.
#include "tests/xenhost/calls/sections.hpp"

#include <cinttypes>
#include <string_view>
#include <utility>

namespace calls {
namespace {

void try_version(Machine& machine)
{
    const auto version = [&](unsigned cmd, std::uint64_t to) {
        return machine.hypercall(__HYPERVISOR_xen_version, {cmd, to});
    };
    tell(version(XENVER_version, 0), "xen_version version");
    tell(version(XENVER_extraversion, Machine::address_of(machine.take<xen_extraversion_t>())),
         "xen_version extraversion");
    tell(version(XENVER_compile_info, Machine::address_of(machine.take<xen_compile_info_t>())),
         "xen_version compile_info");
    auto* const capabilities = machine.take<xen_capabilities_info_t>();
    tell(version(XENVER_capabilities, Machine::address_of(capabilities)),
         "xen_version capabilities");
    const std::string_view text{*capabilities};
    for (const char* const one : {"xen-3.0-x86_64 ", "xen-3.0-x86_32p "}) {
        say("  %s: %s", one, text.find(one) != std::string_view::npos ? "yes" : "no");
    }
    tell(version(XENVER_changeset, Machine::address_of(machine.take<xen_changeset_info_t>())),
         "xen_version changeset");
    auto* const platform = machine.take<xen_platform_parameters_t>();
    tell(version(XENVER_platform_parameters, Machine::address_of(platform)),
         "xen_version platform_parameters");
    say("  virt_start %#lx", platform->virt_start);
    for (unsigned index = 0; index < 3; ++index) {
        auto* const features = machine.take<xen_feature_info_t>();
        features->submap_idx = index;
        tell(version(XENVER_get_features, Machine::address_of(features)),
             "xen_version get_features %u", index);
        say("  submap %#x", features->submap);
    }
    tell(version(XENVER_get_features, 16), "xen_version get_features to nowhere");
    tell(version(XENVER_pagesize, 0), "xen_version pagesize");
    tell(version(XENVER_guest_handle, Machine::address_of(machine.take<xen_domain_handle_t>())),
         "xen_version guest_handle");
    tell(version(XENVER_commandline, Machine::address_of(machine.take<xen_commandline_t>())),
         "xen_version commandline");
    tell(version(99, 0), "xen_version 99");
}

/// Machine frames and the table of them.
void try_m2p(Machine& machine)
{
    const Result top = machine.hypercall(__HYPERVISOR_memory_op, {XENMEM_maximum_ram_page, 0});
    say("memory_op maximum_ram_page: %s", top > 0 ? "some" : text_of(top).c_str());
    const auto needed = static_cast<std::size_t>((top * 8 + (2 << 20) - 1) / (2 << 20));
    for (const unsigned cmd :
         {unsigned{XENMEM_machphys_mfn_list}, unsigned{XENMEM_machphys_compat_mfn_list}}) {
        const char* const name =
            cmd == XENMEM_machphys_mfn_list ? "machphys_mfn_list" : "machphys_compat_mfn_list";
        const std::pair<const char*, std::size_t> rooms[] = {
            {"none", 0}, {"one", 1}, {"as needed", needed}, {"more", needed + 64}};
        for (const auto& [whose, room] : rooms) {
            auto* const list = machine.take<xen_pfn_t>(room + 1);
            xen_machphys_mfn_list_t request = {};
            request.max_extents = static_cast<unsigned>(room);
            set_xen_guest_handle(request.extent_start, list);
            const Result result = machine.memory_op(cmd, request);
            tell(result, "memory_op %s, room for %s", name, whose);
            // How much of the compat M2P there is is Xen's to say.
            const bool is_small =
                whose == std::string_view{"none"} || whose == std::string_view{"one"};
            if (is_small || cmd == XENMEM_machphys_mfn_list) {
                say("  %s", request.nr_extents == room  ? "filled"
                            : request.nr_extents < room ? "less"
                                                        : "more");
            }
        }
        tell(machine.hypercall(__HYPERVISOR_memory_op, {cmd, 16}), "memory_op %s of nowhere", name);
    }
    xen_machphys_mapping_t mapping = {};
    tell(machine.memory_op(XENMEM_machphys_mapping, mapping), "memory_op machphys_mapping");
    say("  v_start %#lx v_end %#lx", mapping.v_start, mapping.v_end);
    tell(machine.hypercall(__HYPERVISOR_memory_op, {63, 0}), "memory_op 63");
}

void try_sysctls(Machine& machine)
{
    xen_sysctl op = {};
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION - 1;
    tell(machine.sysctl(op), "sysctl of another version");
    op = {};
    op.cmd = XEN_SYSCTL_physinfo;
    tell(machine.sysctl(op), "sysctl physinfo");
    say("  pv %u", (op.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv) != 0);
    op = {};
    op.cmd = 9999;
    tell(machine.sysctl(op), "sysctl 9999");
    op = {};
    op.cmd = XEN_SYSCTL_getdomaininfolist;
    auto* const list = machine.take<xen_domctl_getdomaininfo>(4);
    op.u.getdomaininfolist.max_domains = 1;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, list);
    tell(machine.sysctl(op), "sysctl getdomaininfolist, room for one");
    say("  num_domains %u, the first is %u", op.u.getdomaininfolist.num_domains, list->domain);
    op = {};
    op.cmd = XEN_SYSCTL_getdomaininfolist;
    op.u.getdomaininfolist.first_domain = DOMID_FIRST_RESERVED - 1;
    op.u.getdomaininfolist.max_domains = 4;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, list);
    tell(machine.sysctl(op), "sysctl getdomaininfolist beyond the last");
    say("  num_domains %u", op.u.getdomaininfolist.num_domains);
    op = {};
    op.cmd = XEN_SYSCTL_sched_id;
    tell(machine.sysctl(op), "sysctl sched_id");
    say("  sched_id %u", op.u.sched_id.sched_id);
}

void try_policies(Machine& machine)
{
    static constexpr const char* names[] = {"raw",        "host",        "pv_max", "hvm_max",
                                            "pv_default", "hvm_default", "6"};
    for (unsigned index = 0; index < 7; ++index) {
        xen_sysctl op = {};
        op.cmd = XEN_SYSCTL_get_cpu_policy;
        op.u.cpu_policy.index = index;
        tell(machine.sysctl(op), "sysctl get_cpu_policy %s, sizes", names[index]);
        say("  leaves %u, msrs %u", op.u.cpu_policy.nr_leaves, op.u.cpu_policy.nr_msrs);
        if (index != XEN_SYSCTL_cpu_policy_pv_default) {
            continue;
        }
        auto* const leaves = machine.take<xen_cpuid_leaf_t>(200);
        auto* const msrs = machine.take<xen_msr_entry_t>(8);
        for (const unsigned room : {200U, 1U}) {
            op = {};
            op.cmd = XEN_SYSCTL_get_cpu_policy;
            op.u.cpu_policy.index = index;
            op.u.cpu_policy.nr_leaves = room;
            op.u.cpu_policy.nr_msrs = 8;
            set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
            set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
            tell(machine.sysctl(op), "sysctl get_cpu_policy %s, room for %u", names[index], room);
            if (room > 1) {
                say("  msrs %u, the first %#x", op.u.cpu_policy.nr_msrs, msrs[0].idx);
            }
        }
    }
}

}  // namespace

void try_host(Machine& machine)
{
    try_version(machine);
    try_m2p(machine);
    try_sysctls(machine);
    try_policies(machine);
}

}  // namespace calls
