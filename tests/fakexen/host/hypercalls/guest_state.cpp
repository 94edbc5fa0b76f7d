// SPDX-License-Identifier: LGPL-2.1-or-later
// What a guest's kernel tells Xen about itself: trap table, stacks, callbacks, segment bases. It is part of the vCPU's
// context, so it has to come out of a save as it was set.
#include "tests/fakexen/host/descriptors.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <xen/callback.h>

#include <cerrno>

namespace fakexen::hypercall {
namespace {

Vcpu& vcpu_of(const Caller& caller)
{
    if (caller.vcpu() == nullptr) {
        throw Refused{EPERM};
    }
    return *caller.vcpu();
}

bool is_canonical(std::uint64_t address)
{
    return address >> 47 == 0 || address >> 47 == (~std::uint64_t{0} >> 47);
}

/// A 32-bit guest's callback: selector in the low half of `place`, address in the high half.
int set_callback_32(Vcpu& vcpu, std::uint16_t type, std::uint64_t place)
{
    constexpr std::uint64_t low_half = 0xffff'ffff;
    auto selector = static_cast<std::uint16_t>(place);
    fix_selector(selector, true);
    const std::uint64_t address = place >> 32;
    std::uint64_t& selectors = vcpu.context.syscall_callback_eip;  // see vcpu_context_32.hpp
    switch (type) {
    case CALLBACKTYPE_event:
        selectors = (selectors & ~low_half) | selector;
        vcpu.context.event_callback_eip = address;
        return 0;
    case CALLBACKTYPE_failsafe:
        selectors = (selectors & low_half) | std::uint64_t{selector} << 32;
        vcpu.context.failsafe_callback_eip = address;
        return 0;
    case CALLBACKTYPE_sysenter:
        vcpu.extended.sysenter_callback_cs = selector;
        vcpu.extended.sysenter_callback_eip = address;
        return 0;
    case CALLBACKTYPE_syscall32:
        vcpu.extended.syscall32_callback_cs = selector;
        vcpu.extended.syscall32_callback_eip = address;
        return 0;
    case CALLBACKTYPE_nmi:
        return 0;
    default:
        return -ENOSYS;
    }
}

int set_callback(Vcpu& vcpu, std::uint16_t type, std::uint64_t address)
{
    if (vcpu.domain.is_32bit) {
        return set_callback_32(vcpu, type, address);
    }
    if (!is_canonical(address)) {
        return -EINVAL;
    }
    switch (type) {
    case CALLBACKTYPE_event:
        vcpu.context.event_callback_eip = address;
        return 0;
    case CALLBACKTYPE_failsafe:
        vcpu.context.failsafe_callback_eip = address;
        return 0;
    case CALLBACKTYPE_syscall:
        vcpu.context.syscall_callback_eip = address;
        return 0;
    case CALLBACKTYPE_sysenter:
        vcpu.extended.sysenter_callback_eip = address;
        return 0;
    case CALLBACKTYPE_syscall32:
        vcpu.extended.syscall32_callback_eip = address;
        return 0;
    case CALLBACKTYPE_nmi:
        return 0;
    default:
        return -ENOSYS;
    }
}

}  // namespace

// (table), ended by an entry without address; a null table clears all.
std::int64_t set_trap_table(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    const bool is_32bit = caller.domain().is_32bit;
    auto& traps = vcpu_of(caller).context.trap_ctxt;
    if (args[0] == 0) {
        for (trap_info_t& trap : traps) {
            trap = {};
        }
        return 0;
    }
    for (std::uint64_t at = args[0];; at += sizeof(trap_info_t)) {
        const auto trap = caller.read<trap_info_t>(at);
        if (trap.address == 0) {
            return 0;
        }
        if (!is_32bit && !is_canonical(trap.address)) {
            return -EINVAL;
        }
        traps[trap.vector] = trap;
        fix_selector(traps[trap.vector].cs, is_32bit);
    }
}

// (ss, sp)
std::int64_t stack_switch(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    vcpu_guest_context_t& context = vcpu_of(caller).context;
    const bool is_32bit = caller.domain().is_32bit;
    if (!is_32bit && !is_canonical(args[1])) {
        return -EINVAL;
    }
    context.kernel_ss = args[0];
    fix_selector(context.kernel_ss, is_32bit);
    context.kernel_sp = args[1];
    return 0;
}

// (event, failsafe, syscall); of a 32-bit guest (event selector, event, failsafe selector, failsafe)
std::int64_t set_callbacks(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    Vcpu& vcpu = vcpu_of(caller);
    if (vcpu.domain.is_32bit) {
        (void)set_callback_32(vcpu, CALLBACKTYPE_event, args[0] | args[1] << 32);
        (void)set_callback_32(vcpu, CALLBACKTYPE_failsafe, args[2] | args[3] << 32);
        return 0;
    }
    constexpr std::uint16_t types[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
                                       CALLBACKTYPE_syscall};
    for (std::size_t i = 0; i < std::size(types); ++i) {
        if (const int error = set_callback(vcpu, types[i], args[i]); error != 0) {
            return error;
        }
    }
    return 0;
}

std::int64_t callback_op(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    Vcpu& vcpu = vcpu_of(caller);
    if (args[0] == CALLBACKOP_register) {
        const auto request = caller.read<callback_register_t>(args[1]);
        return set_callback(vcpu, request.type, request.address);
    }
    if (args[0] == CALLBACKOP_unregister) {
        const auto request = caller.read<callback_unregister_t>(args[1]);
        return request.type == CALLBACKTYPE_nmi ? 0 : -EINVAL;
    }
    return -ENOSYS;
}

// (which, base)
std::int64_t set_segment_base(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    vcpu_guest_context_t& context = vcpu_of(caller).context;
    if (args[0] != SEGBASE_GS_USER_SEL && !is_canonical(args[1])) {
        return -EINVAL;
    }
    switch (args[0]) {
    case SEGBASE_FS:
        context.fs_base = args[1];
        return 0;
    case SEGBASE_GS_USER:
        context.gs_base_user = args[1];
        return 0;
    case SEGBASE_GS_KERNEL:
        context.gs_base_kernel = args[1];
        return 0;
    case SEGBASE_GS_USER_SEL:
        return 0;
    default:
        return -EINVAL;
    }
}

// (command, type): of the whole domain.
std::int64_t vm_assist(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    constexpr std::uint64_t type_max = 63;
    if (args[1] > type_max) {
        return -EINVAL;
    }
    const std::uint64_t bit = std::uint64_t{1} << args[1];
    std::uint64_t& assist = vcpu_of(caller).domain.vm_assist;
    switch (args[0]) {
    case VMASST_CMD_enable:
        assist |= bit;
        return 0;
    case VMASST_CMD_disable:
        assist &= ~bit;
        return 0;
    default:
        return -ENOSYS;
    }
}

}  // namespace fakexen::hypercall
