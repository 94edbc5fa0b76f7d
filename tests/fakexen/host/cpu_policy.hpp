// SPDX-License-Identifier: LGPL-2.1-or-later
// CPUID and MSR policies: small plausible ones, stored and handed back as Xen does.
#pragma once

#include "tests/fakexen/protocol/xen.hpp"

#include <cstdint>
#include <vector>

namespace fakexen {

/// A serialised policy: leaves and MSRs in the order in which they are handed out.
struct CpuPolicy {
    std::vector<xen_cpuid_leaf_t> leaves;
    std::vector<xen_msr_entry_t> msrs;
};

/// What Xen could hand out at most; callers size their buffers by it (XEN_SYSCTL_get_cpu_policy with null handles).
inline constexpr std::uint32_t cpu_policy_max_leaves = 0x78;
inline constexpr std::uint32_t cpu_policy_max_msrs = 2;

/// The policy of a host, which a new domain starts with.
[[nodiscard]] CpuPolicy default_cpu_policy();

/// Why a policy was refused, as XEN_DOMCTL_set_cpu_policy reports it; -1 where it does not apply.
struct CpuPolicyError {
    int result = 0;  ///< 0 or -errno
    std::uint32_t leaf = ~0U;
    std::uint32_t subleaf = ~0U;
    std::uint32_t msr = ~0U;
};

/// Merges leaves and MSRs into `policy`, all or nothing: unknown ones are -ERANGE, reserved bits -EINVAL.
[[nodiscard]] CpuPolicyError merge_cpu_policy(CpuPolicy& policy,
                                              const std::vector<xen_cpuid_leaf_t>& leaves,
                                              const std::vector<xen_msr_entry_t>& msrs);

}  // namespace fakexen
