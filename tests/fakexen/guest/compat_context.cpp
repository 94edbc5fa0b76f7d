// SPDX-License-Identifier: LGPL-2.1-or-later
// Between vcpu_guest_context of 32 bits and of 64.
#include "tests/fakexen/guest/compat_context.hpp"

#include "tests/fakexen/protocol/messages.hpp"

#include <cstring>
#include <iterator>
#include <type_traits>

namespace fakexen::guest {

namespace {

/// Copies each member that both have, one way or the other. Truncates what does not fit, as a 32-bit guest would.
template <typename To, typename From>
void copy_common(To& to, const From& from)
{
    const auto set = [](auto& target, auto value) {
        target = static_cast<std::remove_reference_t<decltype(target)>>(value);
    };
    static_assert(sizeof to.fpu_ctxt == sizeof from.fpu_ctxt);
    std::memcpy(&to.fpu_ctxt, &from.fpu_ctxt, sizeof to.fpu_ctxt);
    set(to.flags, from.flags);
    for (std::size_t n = 0; n < std::size(from.trap_ctxt); ++n) {
        to.trap_ctxt[n].vector = from.trap_ctxt[n].vector;
        to.trap_ctxt[n].flags = from.trap_ctxt[n].flags;
        to.trap_ctxt[n].cs = from.trap_ctxt[n].cs;
        set(to.trap_ctxt[n].address, from.trap_ctxt[n].address);
    }
    set(to.ldt_base, from.ldt_base);
    set(to.ldt_ents, from.ldt_ents);
    for (std::size_t n = 0; n < std::size(from.gdt_frames); ++n) {
        set(to.gdt_frames[n], from.gdt_frames[n]);
    }
    set(to.gdt_ents, from.gdt_ents);
    set(to.kernel_ss, from.kernel_ss);
    set(to.kernel_sp, from.kernel_sp);
    for (std::size_t n = 0; n < std::size(from.ctrlreg); ++n) {
        set(to.ctrlreg[n], from.ctrlreg[n]);
        set(to.debugreg[n], from.debugreg[n]);
    }
    set(to.event_callback_eip, from.event_callback_eip);
    set(to.failsafe_callback_eip, from.failsafe_callback_eip);
    set(to.vm_assist, from.vm_assist);
}

vcpu_guest_context_x86_32_t narrow(const vcpu_guest_context_t& wide)
{
    vcpu_guest_context_x86_32_t to = {};
    copy_common(to, wide);
    const auto& from = wide.user_regs;
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    auto& regs = to.user_regs;
    regs.ebx = low(from.rbx);
    regs.ecx = low(from.rcx);
    regs.edx = low(from.rdx);
    regs.esi = low(from.rsi);
    regs.edi = low(from.rdi);
    regs.ebp = low(from.rbp);
    regs.eax = low(from.rax);
    regs.eip = low(from.rip);
    regs.cs = from.cs;
    regs.eflags = low(from.rflags);
    regs.esp = low(from.rsp);
    regs.ss = from.ss;
    regs.es = from.es;
    regs.ds = from.ds;
    regs.fs = from.fs;
    regs.gs = from.gs;
    to.ctrlreg[3] = low(abi32.cr3_of(wide.ctrlreg[3] >> 12));
    to.event_callback_cs = low(wide.syscall_callback_eip);
    to.failsafe_callback_cs = low(wide.syscall_callback_eip >> 32);
    return to;
}

vcpu_guest_context_t widen(const vcpu_guest_context_x86_32_t& narrow)
{
    vcpu_guest_context_t to = {};
    copy_common(to, narrow);
    const auto& from = narrow.user_regs;
    auto& regs = to.user_regs;
    regs.rbx = from.ebx;
    regs.rcx = from.ecx;
    regs.rdx = from.edx;
    regs.rsi = from.esi;
    regs.rdi = from.edi;
    regs.rbp = from.ebp;
    regs.rax = from.eax;
    regs.rip = from.eip;
    regs.cs = from.cs;
    regs.rflags = from.eflags;
    regs.rsp = from.esp;
    regs.ss = from.ss;
    regs.es = from.es;
    regs.ds = from.ds;
    regs.fs = from.fs;
    regs.gs = from.gs;
    to.ctrlreg[3] = std::uint64_t{xen_cr3_to_pfn_x86_32(narrow.ctrlreg[3])} << 12;
    to.syscall_callback_eip = narrow.event_callback_cs | std::uint64_t{narrow.failsafe_callback_cs}
                                                             << 32;
    return to;
}

}  // namespace

const Abi* abi_of(const vcpu_guest_context_t& context)
{
    const std::uint64_t page = context.user_regs.rip & protocol::guest_signature_mask;
    if (page == abi64.signature) {
        return &abi64;
    }
    return page == abi32.signature ? &abi32 : nullptr;
}

ContextOctets octets_of(const vcpu_guest_context_t& context, const Abi& abi)
{
    ContextOctets octets = {};
    if (abi.bits == 32) {
        octets.narrow = narrow(context);
    } else {
        octets.wide = context;
    }
    return octets;
}

vcpu_guest_context_t context_of(const ContextOctets& octets, const Abi& abi)
{
    return abi.bits == 32 ? widen(octets.narrow) : octets.wide;
}

}  // namespace fakexen::guest
