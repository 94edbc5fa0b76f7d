// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPUID and MSR policy of a domain, in the form in which the stream carries it.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/xen/domain.hpp"

#include <span>

namespace sr {

/// Arrays of xen_cpuid_leaf (24 octets each) and xen_msr_entry (16 octets each).
struct CpuPolicy {
    Octets leaves;
    Octets msrs;
};

/// XEN_DOMCTL_get_cpu_policy. @throws Error{hypervisor}
[[nodiscard]] CpuPolicy cpu_policy_of(const Domain& domain);

/// XEN_DOMCTL_set_cpu_policy; either array may be empty: that part stays as it is.
/// @throws Error{mismatch} naming the leaf or MSR that this host cannot give
void set_cpu_policy(const Domain& domain, std::span<const std::byte> leaves,
                    std::span<const std::byte> msrs);

}  // namespace sr
