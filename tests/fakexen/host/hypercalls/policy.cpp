// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: the time stamp counter and the CPU policy of a domain.
#include "tests/fakexen/host/hypercalls/domctl.hpp"

#include <cerrno>

namespace fakexen {
namespace {

template <typename T>
int write_list(const Caller& caller, std::uint64_t to, std::uint32_t& room,
               const std::vector<T>& list)
{
    const std::uint32_t given = room;
    if (list.size() > given) {
        return -ENOBUFS;
    }
    caller.write_array<T>(to, list);
    room = static_cast<std::uint32_t>(list.size());
    return 0;
}

}  // namespace

int write_cpu_policy(const Caller& caller, const CpuPolicy& policy, std::uint64_t leaves,
                     std::uint32_t& nr_leaves, std::uint64_t msrs, std::uint32_t& nr_msrs)
{
    if (leaves == 0) {
        nr_leaves = cpu_policy_max_leaves;
    } else if (const int error = write_list(caller, leaves, nr_leaves, policy.leaves); error != 0) {
        return error;
    }
    if (msrs == 0) {
        nr_msrs = cpu_policy_max_msrs;
        return 0;
    }
    return write_list(caller, msrs, nr_msrs, policy.msrs);
}

namespace domctl {

int get_tsc(DomctlCall& call)
{
    const TscInfo& tsc = call.domain->tsc;
    auto& info = call.op.u.tsc_info;
    info.tsc_mode = tsc.mode;
    info.gtsc_khz = tsc.khz;
    info.elapsed_nsec = tsc.elapsed_ns;
    info.incarnation = tsc.incarnation;
    return 0;
}

int set_tsc(DomctlCall& call)
{
    constexpr std::uint32_t mode_max = 2;  // XEN_CPUID_TSC_MODE_NEVER_EMULATE; 3 went with pvrdtscp
    const auto& info = call.op.u.tsc_info;
    if (info.tsc_mode > mode_max) {
        return -EINVAL;
    }
    call.domain->tsc = {.mode = info.tsc_mode,
                        .khz = info.gtsc_khz,
                        .elapsed_ns = info.elapsed_nsec,
                        .incarnation = info.incarnation + 1};
    return 0;
}

int get_cpu_policy(DomctlCall& call)
{
    auto& policy = call.op.u.cpu_policy;
    return write_cpu_policy(call.caller, call.domain->policy, address_of(policy.leaves),
                            policy.nr_leaves, address_of(policy.msrs), policy.nr_msrs);
}

int set_cpu_policy(DomctlCall& call)
{
    auto& policy = call.op.u.cpu_policy;
    if (call.domain->ever_unpaused) {
        return -EEXIST;
    }
    // Where it went wrong is told only if it did.
    const auto refuse = [&](const CpuPolicyError& error) {
        policy.err_leaf = error.leaf;
        policy.err_subleaf = error.subleaf;
        policy.err_msr = error.msr;
        return error.result;
    };
    if (policy.nr_leaves > cpu_policy_max_leaves || policy.nr_msrs > cpu_policy_max_msrs) {
        return refuse({.result = -E2BIG});
    }
    std::vector<xen_cpuid_leaf_t> leaves;
    std::vector<xen_msr_entry_t> msrs;
    try {
        leaves =
            call.caller.read_array<xen_cpuid_leaf_t>(address_of(policy.leaves), policy.nr_leaves);
        msrs = call.caller.read_array<xen_msr_entry_t>(address_of(policy.msrs), policy.nr_msrs);
    } catch (const Refused& refused) {
        return refuse({.result = -refused.errnum});
    }
    const CpuPolicyError error = merge_cpu_policy(call.domain->policy, leaves, msrs);
    return error.result == 0 ? 0 : refuse(error);
}

}  // namespace domctl
}  // namespace fakexen
