// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: the table of its commands, and the handlers by what they are about.
#pragma once

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"

#include <optional>

namespace fakexen {

/// What a handler is given: the call's own copy of the structure, which it may change.
struct DomctlCall {
    Hypervisor& xen;
    const Caller& caller;
    Domain* domain;  ///< the one it is about; null where none is needed
    xen_domctl& op;
};

/// The domain that Xen pauses around this command, if it does.
[[nodiscard]] std::optional<DomainId> domctl_pauses(const xen_domctl& op) noexcept;

/// 0 or -errno.
using DomctlHandler = int (*)(DomctlCall&);

/// One command of domctl.
struct Domctl {
    /// Whether the structure goes back to the caller: never, on success, or whatever the result.
    enum class CopyBack : std::uint8_t { no, on_success, always };

    std::uint32_t command;
    const char* name;
    DomctlHandler serve;
    CopyBack copy_back;
    bool pauses;  ///< the domain must not run meanwhile
};

/// Fills a getdomaininfo structure; also for sysctl's list.
[[nodiscard]] xen_domctl_getdomaininfo domain_info(const Domain& domain);

namespace domctl {
// lifecycle.cpp
int create_domain(DomctlCall& call);
int destroy_domain(DomctlCall& call);
int pause_domain(DomctlCall& call);
int unpause_domain(DomctlCall& call);
int resume_domain(DomctlCall& call);
int get_domain_info(DomctlCall& call);
int max_vcpus(DomctlCall& call);
int max_mem(DomctlCall& call);
int set_handle(DomctlCall& call);
int set_time_offset(DomctlCall& call);
int subscribe(DomctlCall& call);
int nothing(DomctlCall& call);  ///< accepted without effect
// vcpu.cpp
int get_vcpu_info(DomctlCall& call);
int get_vcpu_context(DomctlCall& call);
int set_vcpu_context(DomctlCall& call);
int get_extended_context(DomctlCall& call);
int set_extended_context(DomctlCall& call);
int get_xsave(DomctlCall& call);
int set_xsave(DomctlCall& call);
int get_msrs(DomctlCall& call);
int set_msrs(DomctlCall& call);
int get_vcpu_affinity(DomctlCall& call);
int set_vcpu_affinity(DomctlCall& call);
// memory.cpp
int get_page_types(DomctlCall& call);
int hypercall_page(DomctlCall& call);
int shadow_op(DomctlCall& call);
int get_address_size(DomctlCall& call);
int set_address_size(DomctlCall& call);
int for_hvm_only(DomctlCall& call);
// policy.cpp
int get_tsc(DomctlCall& call);
int set_tsc(DomctlCall& call);
int get_cpu_policy(DomctlCall& call);
int set_cpu_policy(DomctlCall& call);
}  // namespace domctl

/// Writes a policy to the caller's buffers and updates the counts; null buffers ask for the most there may be.
/// @return 0 or -ENOBUFS
[[nodiscard]] int write_cpu_policy(const Caller& caller, const CpuPolicy& policy,
                                   std::uint64_t leaves, std::uint32_t& nr_leaves,
                                   std::uint64_t msrs, std::uint32_t& nr_msrs);

}  // namespace fakexen
