// SPDX-License-Identifier: LGPL-2.1-or-later
// Between the two layouts of a vCPU context, member by member.
#include "tests/fakexen/host/vcpu_context_32.hpp"

#include <cstring>
#include <iterator>

namespace fakexen {
namespace {

constexpr std::size_t cr3 = 3;

template <typename To, typename From>
void copy_value(To& to, const From& from)
{
    to = static_cast<To>(from);
}

template <typename To, typename From, std::size_t n>
void copy_array(To (&to)[n], const From (&from)[n])
{
    for (std::size_t i = 0; i < n; ++i) {
        copy_value(to[i], from[i]);
    }
}

/// Members of the same meaning in both register files. What only one has stays as it is.
template <typename To, typename From>
void copy_registers(To& to, const From& from)
{
    copy_value(to.ebx, from.ebx);
    copy_value(to.ecx, from.ecx);
    copy_value(to.edx, from.edx);
    copy_value(to.esi, from.esi);
    copy_value(to.edi, from.edi);
    copy_value(to.ebp, from.ebp);
    copy_value(to.eax, from.eax);
    copy_value(to.error_code, from.error_code);
    copy_value(to.entry_vector, from.entry_vector);
    copy_value(to.eip, from.eip);
    copy_value(to.cs, from.cs);
    copy_value(to.saved_upcall_mask, from.saved_upcall_mask);
    copy_value(to.eflags, from.eflags);
    copy_value(to.esp, from.esp);
    copy_value(to.ss, from.ss);
    copy_value(to.es, from.es);
    copy_value(to.ds, from.ds);
    copy_value(to.fs, from.fs);
    copy_value(to.gs, from.gs);
}

template <typename To, typename From>
void copy_rest(To& to, const From& from)
{
    static_assert(sizeof to.fpu_ctxt == sizeof from.fpu_ctxt);
    std::memcpy(&to.fpu_ctxt, &from.fpu_ctxt, sizeof to.fpu_ctxt);
    copy_value(to.flags, from.flags);
    for (std::size_t i = 0; i < std::size(to.trap_ctxt); ++i) {
        copy_value(to.trap_ctxt[i].vector, from.trap_ctxt[i].vector);
        copy_value(to.trap_ctxt[i].flags, from.trap_ctxt[i].flags);
        copy_value(to.trap_ctxt[i].cs, from.trap_ctxt[i].cs);
        copy_value(to.trap_ctxt[i].address, from.trap_ctxt[i].address);
    }
    copy_value(to.ldt_base, from.ldt_base);
    copy_value(to.ldt_ents, from.ldt_ents);
    copy_array(to.gdt_frames, from.gdt_frames);
    copy_value(to.gdt_ents, from.gdt_ents);
    copy_value(to.kernel_ss, from.kernel_ss);
    copy_value(to.kernel_sp, from.kernel_sp);
    copy_array(to.ctrlreg, from.ctrlreg);
    copy_array(to.debugreg, from.debugreg);
    copy_value(to.event_callback_eip, from.event_callback_eip);
    copy_value(to.failsafe_callback_eip, from.failsafe_callback_eip);
    copy_value(to.vm_assist, from.vm_assist);
}

}  // namespace

vcpu_guest_context_t widened(const Context32& context)
{
    vcpu_guest_context_t wide = {};
    copy_registers(wide.user_regs, context.user_regs);
    copy_rest(wide, context);
    wide.ctrlreg[cr3] = std::uint64_t{frame_of_extended_cr3(context.ctrlreg[cr3])} << 12;
    wide.syscall_callback_eip =
        context.event_callback_cs | std::uint64_t{context.failsafe_callback_cs} << 32;
    return wide;
}

Context32 narrowed(const vcpu_guest_context_t& context)
{
    Context32 narrow = {};
    copy_registers(narrow.user_regs, context.user_regs);
    copy_rest(narrow, context);
    narrow.ctrlreg[cr3] = extended_cr3(static_cast<std::uint32_t>(context.ctrlreg[cr3] >> 12));
    narrow.event_callback_cs = static_cast<std::uint32_t>(context.syscall_callback_eip);
    narrow.failsafe_callback_cs = static_cast<std::uint32_t>(context.syscall_callback_eip >> 32);
    return narrow;
}

}  // namespace fakexen
