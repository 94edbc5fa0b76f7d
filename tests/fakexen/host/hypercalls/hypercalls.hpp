// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypercalls of a host: one function a family, all called by serve_hypercall().
//
// Results are what Xen 4.17 returns: a value ≥ 0 or a negative errno. A call that is refused as a whole may also throw
// Refused, which serve_hypercall() turns into the same. Nothing here blocks: calls that have to wait for a running
// guest are held back by the server before they get here (must_wait_for_guest).
#pragma once

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace fakexen {

using HypercallArgs = std::array<std::uint64_t, 6>;

/// Serves one hypercall of a client.
[[nodiscard]] std::int64_t serve_hypercall(Hypervisor& xen, const Caller& caller, std::uint32_t op,
                                           const HypercallArgs& args) noexcept;

/// The domain that must not run while this call is served, if there is one: Xen pauses it around the call.
[[nodiscard]] std::optional<DomainId> must_wait_for_guest(const Caller& caller, std::uint32_t op,
                                                          const HypercallArgs& args) noexcept;

namespace hypercall {

using Family = std::int64_t (*)(Hypervisor&, const Caller&, const HypercallArgs&);

std::int64_t callback_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t domctl(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t event_channel_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t grant_table_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t hvm_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t memory_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t mmu_update(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t mmuext_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t multicall(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t sched_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t set_callbacks(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t set_segment_base(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t set_trap_table(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t stack_switch(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t vm_assist(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t set_gdt(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t sysctl(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t update_va_mapping(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t vcpu_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);
std::int64_t xen_version(Hypervisor& xen, const Caller& caller, const HypercallArgs& args);

/// A hypercall by name and function, or null for what this host does not know.
struct Known {
    std::uint32_t op;
    const char* name;
    Family serve;
};
[[nodiscard]] const Known* find(std::uint32_t op) noexcept;

}  // namespace hypercall

/// The domain that a guest handle's domid means: DOMID_SELF is the caller. A guest reaches itself only.
/// @throws Refused ESRCH (no such domain), EPERM
[[nodiscard]] Domain& target_domain(const Hypervisor& xen, const Caller& caller,
                                    std::uint64_t domid);

}  // namespace fakexen
