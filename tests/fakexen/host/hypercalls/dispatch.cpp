// SPDX-License-Identifier: LGPL-2.1-or-later
// Which function serves which hypercall.
#include "tests/fakexen/host/allocation_cues.hpp"
#include "tests/fakexen/host/hypercalls/domctl.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

namespace fakexen {
namespace {

using hypercall::Known;

std::int64_t ignored(Hypervisor&, const Caller&, const HypercallArgs&)
{
    return 0;
}

// What a guest's kernel calls at boot and resume, and what has no effect here, is ignored by name.
constexpr Known known_calls[] = {
    {__HYPERVISOR_set_trap_table, "set_trap_table", hypercall::set_trap_table},
    {__HYPERVISOR_mmu_update, "mmu_update", hypercall::mmu_update},
    {__HYPERVISOR_set_gdt, "set_gdt", hypercall::set_gdt},
    {__HYPERVISOR_stack_switch, "stack_switch", hypercall::stack_switch},
    {__HYPERVISOR_set_callbacks, "set_callbacks", hypercall::set_callbacks},
    {__HYPERVISOR_fpu_taskswitch, "fpu_taskswitch", ignored},
    {__HYPERVISOR_update_va_mapping, "update_va_mapping", hypercall::update_va_mapping},
    {__HYPERVISOR_set_timer_op, "set_timer_op", ignored},
    {__HYPERVISOR_memory_op, "memory_op", hypercall::memory_op},
    {__HYPERVISOR_multicall, "multicall", hypercall::multicall},
    {__HYPERVISOR_xen_version, "xen_version", hypercall::xen_version},
    {__HYPERVISOR_console_io, "console_io", ignored},
    {__HYPERVISOR_grant_table_op, "grant_table_op", hypercall::grant_table_op},
    {__HYPERVISOR_vm_assist, "vm_assist", hypercall::vm_assist},
    {__HYPERVISOR_vcpu_op, "vcpu_op", hypercall::vcpu_op},
    {__HYPERVISOR_set_segment_base, "set_segment_base", hypercall::set_segment_base},
    {__HYPERVISOR_mmuext_op, "mmuext_op", hypercall::mmuext_op},
    {__HYPERVISOR_hvm_op, "hvm_op", hypercall::hvm_op},
    {__HYPERVISOR_sched_op, "sched_op", hypercall::sched_op},
    {__HYPERVISOR_callback_op, "callback_op", hypercall::callback_op},
    {__HYPERVISOR_event_channel_op, "event_channel_op", hypercall::event_channel_op},
    {__HYPERVISOR_sysctl, "sysctl", hypercall::sysctl},
    {__HYPERVISOR_domctl, "domctl", hypercall::domctl},
};

/// Families whose sub-calls have names of their own: they report those to the observer themselves.
bool names_its_calls(std::uint32_t op)
{
    switch (op) {
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_event_channel_op:
    case __HYPERVISOR_grant_table_op:
    case __HYPERVISOR_memory_op:
    case __HYPERVISOR_multicall:
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_vcpu_op:
        return true;
    default:
        return false;
    }
}

}  // namespace

const Known* hypercall::find(std::uint32_t op) noexcept
{
    const auto* at = std::find_if(std::begin(known_calls), std::end(known_calls),
                                  [op](const Known& known) { return known.op == op; });
    return at == std::end(known_calls) ? nullptr : at;
}

namespace {

std::int64_t serve(Hypervisor& xen, const Caller& caller, std::uint32_t op,
                   const HypercallArgs& args) noexcept
{
    const Known* known = hypercall::find(op);
    if (known == nullptr) {
        xen.log().warning("d%u: unknown hypercall %u answered with ENOSYS", caller.domain().id, op);
        return -ENOSYS;
    }
    try {
        if (!names_its_calls(op)) {
            caller.enter("", known->name);
        }
        return known->serve(xen, caller, args);
    } catch (const Refused& refused) {
        return -refused.errnum;
    } catch (const std::exception& e) {
        xen.log().error("%s: %s", known->name, e.what());
        return -ENOMEM;
    }
}

}  // namespace

std::int64_t serve_hypercall(Hypervisor& xen, const Caller& caller, std::uint32_t op,
                             const HypercallArgs& args) noexcept
{
    const AllocationCues cues{xen, caller.observer()};
    const std::int64_t result = serve(xen, caller, op, args);
    caller.leave(result);
    return result;
}

std::optional<DomainId> must_wait_for_guest(const Caller& caller, std::uint32_t op,
                                            const HypercallArgs& args) noexcept
{
    if (op != __HYPERVISOR_domctl || !caller.is_dom0()) {
        return std::nullopt;
    }
    try {
        return domctl_pauses(caller.read<xen_domctl>(args[0]));
    } catch (const Refused&) {
        return std::nullopt;  // the call itself will say so
    }
}

Domain& target_domain(const Hypervisor& xen, const Caller& caller, std::uint64_t domid)
{
    if (domid == DOMID_SELF) {
        return caller.domain();
    }
    Domain* domain = xen.domain(domid);
    if (domain == nullptr) {
        throw Refused{ESRCH};
    }
    if (!caller.is_dom0() && domain != &caller.domain()) {
        throw Refused{EPERM};
    }
    return *domain;
}

// One entry after another; the result of each is written back. libxenctrl wraps its memory calls like this.
std::int64_t hypercall::multicall(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const std::uint64_t nr_calls = args[1];
    for (std::uint64_t i = 0; i < nr_calls; ++i) {
        const std::uint64_t at = args[0] + i * sizeof(multicall_entry_t);
        auto entry = caller.read<multicall_entry_t>(at);
        HypercallArgs inner = {};
        std::copy_n(entry.args, inner.size(), inner.begin());
        const auto op = static_cast<std::uint32_t>(entry.op);
        const bool nested = op == __HYPERVISOR_multicall;
        const std::int64_t result = nested ? -EINVAL : serve_hypercall(xen, caller, op, inner);
        entry.result = static_cast<std::uint64_t>(result);
        caller.write(at, entry);
    }
    return 0;
}

}  // namespace fakexen
