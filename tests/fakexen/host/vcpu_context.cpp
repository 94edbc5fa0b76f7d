// SPDX-License-Identifier: LGPL-2.1-or-later
// What Xen checks of a PV vCPU context, what it changes in it, and what it takes references for.
#include "tests/fakexen/host/vcpu_context.hpp"

#include "tests/fakexen/host/descriptors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fakexen {
namespace {

constexpr std::uint64_t eflags_if = 1U << 9;
constexpr std::uint32_t ldt_entries_max = 8192;
constexpr unsigned gdt_entries_per_frame = 512;

/// VMASST_TYPE_* that a PV guest may ask for: 0..5, and m2p_strict if it is a 64-bit one.
std::uint64_t valid_vm_assist(const Domain& domain)
{
    constexpr std::uint64_t of_32bit = 0x3f;
    return domain.is_32bit ? of_32bit : of_32bit | std::uint64_t{1} << VMASST_TYPE_m2p_strict;
}

bool is_canonical(std::uint64_t address)
{
    const std::uint64_t top = address >> 47;
    return top == 0 || top == (~std::uint64_t{0} >> 47);
}

/// Addresses that are not Xen's: 0xffff8000'00000000 up to 0xffff8800'00000000 is.
bool is_guest_address(std::uint64_t address)
{
    return address < 0x0000'8000'0000'0000 || address >= 0xffff'8800'0000'0000;
}

bool has_canonical_addresses(const vcpu_guest_context_t& c)
{
    const std::uint64_t addresses[] = {c.user_regs.rip,
                                       c.user_regs.rsp,
                                       c.kernel_sp,
                                       c.ldt_ents != 0 ? c.ldt_base : 0,
                                       c.fs_base,
                                       c.gs_base_kernel,
                                       c.gs_base_user,
                                       c.event_callback_eip,
                                       c.syscall_callback_eip,
                                       c.failsafe_callback_eip};
    return std::all_of(std::begin(addresses), std::end(addresses), is_canonical) &&
           std::all_of(std::begin(c.trap_ctxt), std::end(c.trap_ctxt),
                       [](const trap_info_t& trap) { return is_canonical(trap.address); });
}

/// Two code selectors, one in each half.
std::uint64_t fixed_callback_selectors(std::uint64_t both)
{
    auto event = static_cast<std::uint32_t>(both);
    auto failsafe = static_cast<std::uint32_t>(both >> 32);
    fix_selector(event, true);
    fix_selector(failsafe, true);
    return event | std::uint64_t{failsafe} << 32;
}

std::optional<Mfn> table_of(std::uint64_t cr)
{
    return cr == 0 ? std::nullopt : std::optional{Mfn{cr >> 12}};
}

std::uint64_t cr_of(const std::optional<Mfn>& table)
{
    return table ? table->number() << 12 : 0;
}

std::vector<std::uint64_t> gdt_frames_of(const vcpu_guest_context_t& c)
{
    const std::size_t nr = (c.gdt_ents + gdt_entries_per_frame - 1) / gdt_entries_per_frame;
    return {c.gdt_frames, c.gdt_frames + nr};
}

/// What a vCPU that runs already cannot change by a new context.
bool is_same_memory(const Vcpu& vcpu, const vcpu_guest_context_t& c)
{
    const bool in_kernel = (c.flags & VGCF_in_kernel) != 0;
    const bool same_user =
        vcpu.domain.is_32bit ||
        (vcpu.user_table ? cr_of(vcpu.user_table) == c.ctrlreg[1] : c.ctrlreg[1] == 0 && in_kernel);
    const auto frames = gdt_frames_of(c);
    const bool same_gdt =
        vcpu.gdt_entries == c.gdt_ents &&
        std::equal(frames.begin(), frames.end(), vcpu.gdt_frames.begin(), vcpu.gdt_frames.end(),
                   [](std::uint64_t number, Mfn mfn) { return Mfn{number} == mfn; });
    const bool same_ldt = vcpu.context.ldt_ents == c.ldt_ents &&
                          (c.ldt_ents == 0 || vcpu.context.ldt_base == c.ldt_base);
    return cr_of(vcpu.kernel_table) == c.ctrlreg[3] && same_user && same_gdt && same_ldt;
}

int check(const Vcpu& vcpu, const vcpu_guest_context_t& c)
{
    const bool in_kernel = (c.flags & VGCF_in_kernel) != 0;
    const bool is_32bit = vcpu.domain.is_32bit;
    const bool good_addresses =
        is_32bit || (has_canonical_addresses(c) && is_guest_address(c.ldt_base));
    if (!good_addresses || c.ldt_base % page_size != 0 || c.ldt_ents > ldt_entries_max ||
        c.gdt_ents > gdt_entries_max) {
        return -EINVAL;
    }
    if (vcpu.id == 0 && (c.vm_assist & ~valid_vm_assist(vcpu.domain)) != 0) {
        return -EINVAL;
    }
    if (vcpu.initialised) {
        return is_same_memory(vcpu, c) ? 0 : -EOPNOTSUPP;
    }
    return !is_32bit && !in_kernel && c.ctrlreg[1] == 0 ? -EINVAL : 0;
}

/// Takes the references of a first context. On failure those that were taken stay, as in Xen.
int take_tables(Hypervisor& xen, Vcpu& vcpu, const vcpu_guest_context_t& c)
{
    Domain& domain = vcpu.domain;
    if (const int error =
            set_gdt(xen, vcpu, gdt_frames_of(c), static_cast<std::uint32_t>(c.gdt_ents));
        error != 0) {
        return error;
    }
    if (const auto old = std::exchange(vcpu.kernel_table, std::nullopt)) {
        xen.types.put_page_and_type(*old);
    }
    const Mfn kernel{c.ctrlreg[3] >> 12};
    if (const int error = xen.types.get_page_and_type(kernel, top_table(domain), domain);
        error != 0) {
        return error;
    }
    vcpu.kernel_table = kernel;
    const auto user = domain.is_32bit ? std::nullopt : table_of(c.ctrlreg[1]);
    const int error = user ? xen.types.get_page_and_type(*user, FrameType::l4_table, domain) : 0;
    if (error == 0) {
        vcpu.user_table = user;
    }
    return error;
}

/// What of a control register is a guest's to say; the rest is the host's.
constexpr std::uint64_t cr0_of_guest = 1U << 3;  ///< TS
constexpr std::uint64_t cr0_of_host = 0x8005'0033;
constexpr std::uint64_t cr4_of_guest = 1U << 2 | 1U << 3 | 1U << 16;  ///< TSD, DE, FSGSBASE
constexpr std::uint64_t cr4_osxsave = 1U << 18;
constexpr std::uint64_t cr4_of_host = 0x660;  ///< PAE, MCE, OSFXSR, OSXMMEXCPT

void fix_control_registers(vcpu_guest_context_t& c, bool has_xsave)
{
    const std::uint64_t cr4_mask = cr4_of_guest | (has_xsave ? cr4_osxsave : 0);
    c.ctrlreg[0] = (c.ctrlreg[0] & cr0_of_guest) | cr0_of_host;
    c.ctrlreg[4] = (c.ctrlreg[4] & cr4_mask) | cr4_of_host;
}

/// A value that is not allowed leaves the register as it was (xen/arch/x86/pv/misc-hypercalls.c, set_debugreg).
void fix_debug_registers(vcpu_guest_context_t& c, const vcpu_guest_context_t& old)
{
    constexpr std::uint64_t general_detect = 1U << 13;
    for (std::size_t n = 0; n < 4; ++n) {
        c.debugreg[n] = is_guest_address(c.debugreg[n]) ? c.debugreg[n] : old.debugreg[n];
    }
    const bool fits = c.debugreg[6] >> 32 == 0;
    c.debugreg[6] = fits ? (c.debugreg[6] & ~0x1000UL) | dr6_reserved : old.debugreg[6];
    const bool allowed = c.debugreg[7] >> 32 == 0 && (c.debugreg[7] & general_detect) == 0;
    c.debugreg[7] = allowed ? (c.debugreg[7] & ~0xd800UL) | dr7_reserved : old.debugreg[7];
}

void keep(Vcpu& vcpu, const vcpu_guest_context_t& c, bool has_xsave)
{
    const vcpu_guest_context_t old = std::exchange(vcpu.context, c);
    vcpu_guest_context_t& kept = vcpu.context;
    kept.flags &= 0xffff'ffff;
    fix_control_registers(kept, has_xsave);
    fix_debug_registers(kept, old);
    const bool is_32bit = vcpu.domain.is_32bit;
    fix_selector(kept.user_regs.ss, is_32bit);
    fix_selector(kept.kernel_ss, is_32bit);
    fix_selector(kept.user_regs.cs, is_32bit);
    for (trap_info_t& trap : kept.trap_ctxt) {
        fix_selector(trap.cs, is_32bit);
    }
    if (is_32bit) {
        kept.syscall_callback_eip = fixed_callback_selectors(kept.syscall_callback_eip);
    }
    kept.user_regs.rflags |= eflags_if;
    vcpu.down = (c.flags & VGCF_online) == 0;
}

}  // namespace

int set_gdt(Hypervisor& xen, Vcpu& vcpu, std::span<const std::uint64_t> frames,
            std::uint32_t entries)
{
    std::vector<Mfn> taken;
    for (const std::uint64_t number : frames) {
        const Mfn mfn{number};
        if (xen.types.get_page_and_type(mfn, FrameType::segment, vcpu.domain) != 0) {
            for (const Mfn back : taken) {
                xen.types.put_page_and_type(back);
            }
            return -EINVAL;
        }
        taken.push_back(mfn);
    }
    xen.drop_gdt(vcpu);
    vcpu.gdt_frames = std::move(taken);
    vcpu.gdt_entries = entries;
    return 0;
}

int set_context(Hypervisor& xen, Vcpu& vcpu, const vcpu_guest_context_t& context)
{
    if (const int error = check(vcpu, context); error != 0) {
        return error;
    }
    if (!vcpu.initialised) {
        if (vcpu.id == 0) {
            vcpu.domain.vm_assist = context.vm_assist;
        }
        if (const int error = take_tables(xen, vcpu, context); error != 0) {
            return error;
        }
        vcpu.initialised = true;
    }
    keep(vcpu, context, xen.config().xsave_features != 0);
    return 0;
}

vcpu_guest_context_t get_context(const Vcpu& vcpu)
{
    vcpu_guest_context_t c = vcpu.context;
    c.flags &= ~static_cast<unsigned long>(VGCF_online);
    if (!vcpu.down) {
        c.flags |= VGCF_online;
    }
    c.gdt_ents = vcpu.gdt_entries;
    std::memset(c.gdt_frames, 0, sizeof c.gdt_frames);
    for (std::size_t i = 0; i < vcpu.gdt_frames.size(); ++i) {
        c.gdt_frames[i] = vcpu.gdt_frames[i].number();
    }
    c.ctrlreg[3] = cr_of(vcpu.kernel_table);
    if (vcpu.domain.is_32bit) {
        c.flags &= ~static_cast<unsigned long>(VGCF_in_kernel);
        c.flags |= (c.user_regs.cs & 3) == kernel_ring(true) ? VGCF_in_kernel : 0U;
    } else {
        c.ctrlreg[1] = cr_of(vcpu.user_table);
    }
    c.vm_assist = vcpu.domain.vm_assist;
    return c;
}

}  // namespace fakexen
