// SPDX-License-Identifier: LGPL-2.1-or-later
// CPU policies over XEN_SYSCTL_get_cpu_policy and XEN_DOMCTL_{get,set}_cpu_policy.
#include "libsr/xen/cpu_policy.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cerrno>

namespace sr {
namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};  // "no leaf", "no MSR" in an error report

struct PolicySize {
    std::uint32_t nr_leaves;
    std::uint32_t nr_msrs;
};

/// The most leaves and MSRs that any policy of this hypervisor has.
PolicySize largest_policy(const Host& host)
{
    xen_sysctl sysctl{};
    sysctl.cmd = XEN_SYSCTL_get_cpu_policy;
    sysctl.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_raw;
    if (xc_sysctl(host.xch(), &sysctl) != 0) {
        throw call_failed("XEN_SYSCTL_get_cpu_policy", errno,
                          "cannot tell the size of a CPU policy");
    }
    return {sysctl.u.cpu_policy.nr_leaves, sysctl.u.cpu_policy.nr_msrs};
}

Octets first_octets(const HypercallBuffer& buffer, std::size_t length)
{
    const auto octets = buffer.octets().first(std::min(length, buffer.octets().size()));
    return {octets.begin(), octets.end()};
}

void fill(const HypercallBuffer& buffer, std::span<const std::byte> from)
{
    std::copy(from.begin(), from.end(), buffer.octets().begin());
}

}  // namespace

CpuPolicy cpu_policy_of(const Domain& domain)
{
    const PolicySize most = largest_policy(domain.host());
    const HypercallBuffer leaves{domain.host(), most.nr_leaves * sizeof(xen_cpuid_leaf_t)};
    const HypercallBuffer msrs{domain.host(), most.nr_msrs * sizeof(xen_msr_entry_t)};
    xen_domctl domctl{};
    domctl.cmd = XEN_DOMCTL_get_cpu_policy;
    domctl.domain = static_cast<domid_t>(domain.domid());
    auto& policy = domctl.u.cpu_policy;
    policy.nr_leaves = most.nr_leaves;
    policy.nr_msrs = most.nr_msrs;
    set_xen_guest_handle_raw(policy.leaves, leaves.as<xen_cpuid_leaf_t>());
    set_xen_guest_handle_raw(policy.msrs, msrs.as<xen_msr_entry_t>());
    if (xc_domctl(domain.host().xch(), &domctl) != 0) {
        throw call_failed("XEN_DOMCTL_get_cpu_policy", errno, "domain %u", domain.domid());
    }
    return {first_octets(leaves, policy.nr_leaves * sizeof(xen_cpuid_leaf_t)),
            first_octets(msrs, policy.nr_msrs * sizeof(xen_msr_entry_t))};
}

void set_cpu_policy(const Domain& domain, std::span<const std::byte> leaves,
                    std::span<const std::byte> msrs)
{
    const HypercallBuffer leaf_buffer{domain.host(), leaves.size()};
    const HypercallBuffer msr_buffer{domain.host(), msrs.size()};
    fill(leaf_buffer, leaves);
    fill(msr_buffer, msrs);
    xen_domctl domctl{};
    domctl.cmd = XEN_DOMCTL_set_cpu_policy;
    domctl.domain = static_cast<domid_t>(domain.domid());
    auto& policy = domctl.u.cpu_policy;
    policy.nr_leaves = static_cast<std::uint32_t>(leaves.size() / sizeof(xen_cpuid_leaf_t));
    policy.nr_msrs = static_cast<std::uint32_t>(msrs.size() / sizeof(xen_msr_entry_t));
    set_xen_guest_handle_raw(policy.leaves, leaf_buffer.as<xen_cpuid_leaf_t>());
    set_xen_guest_handle_raw(policy.msrs, msr_buffer.as<xen_msr_entry_t>());
    policy.err_leaf = policy.err_subleaf = policy.err_msr = none;
    if (xc_domctl(domain.host().xch(), &domctl) == 0) {
        return;
    }
    const int errnum = errno;
    constexpr const char* call = "XEN_DOMCTL_set_cpu_policy";
    if (policy.err_leaf != none) {
        throw Error::from_errno(
            Errc::mismatch, errnum,
            "this host cannot give domain %u CPUID leaf %#x, subleaf %#x: %s failed",
            domain.domid(), policy.err_leaf, policy.err_subleaf, call)
            .with_call(call);
    }
    if (policy.err_msr != none) {
        throw Error::from_errno(Errc::mismatch, errnum,
                                "this host cannot give domain %u MSR %#x: %s failed",
                                domain.domid(), policy.err_msr, call)
            .with_call(call);
    }
    throw call_failed(call, errnum, "domain %u", domain.domid());
}

}  // namespace sr
