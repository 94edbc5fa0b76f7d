// SPDX-License-Identifier: LGPL-2.1-or-later
// Starting vCPUs, writing and checking their registers.
#include "tests/fakexen/guest/vcpus.hpp"

#include "tests/fakexen/guest/vcpu_constants.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <tuple>

namespace fakexen::guest {

namespace {

using Context = vcpu_guest_context_t;

/// The registers that carry a pattern; r15 or edi, rsi, rax, rdx and rip have meanings. A 32-bit guest has the first
/// three.
constexpr decltype(&cpu_user_regs_t::rbx) pattern_registers[] = {
    &cpu_user_regs_t::rbx, &cpu_user_regs_t::rbp, &cpu_user_regs_t::rcx,
    &cpu_user_regs_t::r8,  &cpu_user_regs_t::r9,  &cpu_user_regs_t::r10,
    &cpu_user_regs_t::r12, &cpu_user_regs_t::r13, &cpu_user_regs_t::r14};
constexpr const char* pattern_names[] = {"rbx", "rbp", "rcx", "r8", "r9",
                                         "r10", "r12", "r13", "r14"};
constexpr std::size_t nr_narrow_registers = 3;

std::size_t nr_pattern_registers(const Kernel& kernel)
{
    return kernel.abi().bits == 32 ? nr_narrow_registers : std::size(pattern_registers);
}

constexpr std::size_t xmm_offset =
    160;  ///< of xmm0 in an FXSAVE area (Intel SDM vol. 1, "FXSAVE Area")
constexpr std::size_t xmm_size = 256;

std::uint64_t pattern(const Kernel& kernel, std::uint32_t vcpu, std::uint64_t n)
{
    return mix(mix(kernel.state.settings.seed + kernel.state.count) ^
               (std::uint64_t{vcpu} * 1024 + n));
}

/// A canonical address in the user half, on a page boundary.
std::uint64_t address_pattern(const Kernel& kernel, std::uint32_t vcpu, std::uint64_t n)
{
    return pattern(kernel, vcpu, n) & 0x0000'7fff'ffff'f000;
}

void fill_fpu(const Kernel& kernel, std::uint32_t vcpu, Context& context)
{
    char* const area = context.fpu_ctxt.x;
    const std::uint16_t control = 0x37f;  // as after FINIT
    const std::uint32_t mxcsr = 0x1f80;   // as after reset
    std::memcpy(area, &control, sizeof control);
    std::memcpy(area + 24, &mxcsr, sizeof mxcsr);
    for (std::uint64_t at = 0; at < xmm_size; at += 8) {
        const std::uint64_t word = pattern(kernel, vcpu, 100 + at);
        std::memcpy(area + xmm_offset + at, &word, sizeof word);
    }
}

void set_constants(const Kernel& kernel, std::uint32_t vcpu, Context& context)
{
    set_vcpu_constants(context, kernel.abi(), kernel.state.settings.seed, vcpu,
                       kernel.abi().direct(kernel.state.places.gdt + vcpu));
}

void fill_registers(const Kernel& kernel, std::uint32_t vcpu, Context& context)
{
    const bool wide = kernel.abi().bits == 64;
    const std::uint64_t mask = wide ? ~std::uint64_t{0} : 0xffff'ffff;
    for (std::size_t n = 0; n < nr_pattern_registers(kernel); ++n) {
        context.user_regs.*pattern_registers[n] = pattern(kernel, vcpu, n) & mask;
    }
    if (wide) {
        context.fs_base = address_pattern(kernel, vcpu, 50);
        context.gs_base_user = address_pattern(kernel, vcpu, 51);
        context.gs_base_kernel = address_pattern(kernel, vcpu, 52);
    }
    fill_fpu(kernel, vcpu, context);
}

/// The pfn that a vCPU's cr3 should name.
Pfn expected_cr3(const Kernel& kernel, std::uint32_t vcpu)
{
    if (vcpu == 0) {
        return kernel.state.kernel_cr3;
    }
    for (const Process& process : kernel.state.processes) {
        if (process.hold == Hold::loaded && process.vcpu == vcpu) {
            return process.table[process.top];
        }
    }
    return kernel.state.places.top_table;
}

Context first_context(const Kernel& kernel, std::uint32_t vcpu, const Context& boot)
{
    Context context = boot;
    context.flags = VGCF_in_kernel;
    set_constants(kernel, vcpu, context);
    context.user_regs.rip = rip_of(Marker::idle, kernel.abi());
    context.gdt_frames[0] = kernel.p2m(kernel.state.places.gdt + vcpu);
    context.ctrlreg[1] = 0;
    context.ctrlreg[3] = kernel.p2m(expected_cr3(kernel, vcpu)) << 12;
    fill_registers(kernel, vcpu, context);
    return context;
}

void expect_equal(std::vector<std::string>& wrong, std::uint32_t vcpu, const char* name,
                  std::uint64_t got, std::uint64_t want)
{
    if (got != want) {
        char text[128] = {};
        (void)std::snprintf(text, sizeof text, "vCPU %" PRIu32 " %s is %#" PRIx64 ", was %#" PRIx64,
                            vcpu, name, got, want);
        wrong.emplace_back(text);
    }
}

void check_constants(const Kernel& kernel, std::uint32_t vcpu, const Context& got,
                     std::vector<std::string>& wrong)
{
    Context want = {};
    set_constants(kernel, vcpu, want);
    const std::tuple<const char*, std::uint64_t, std::uint64_t> fields[] = {
        {"event callback", got.event_callback_eip, want.event_callback_eip},
        {"failsafe callback", got.failsafe_callback_eip, want.failsafe_callback_eip},
        {"syscall callback", got.syscall_callback_eip, want.syscall_callback_eip},
        {"kernel_sp", got.kernel_sp, want.kernel_sp},
        {"LDT base", got.ldt_base, want.ldt_base},
        {"LDT entries", got.ldt_ents, want.ldt_ents},
    };
    for (const auto& [name, is, was] : fields) {
        expect_equal(wrong, vcpu, name, is, was);
    }
    for (std::size_t n = 0; n < 4; ++n) {
        expect_equal(wrong, vcpu, "debug register", got.debugreg[n], want.debugreg[n]);
    }
    for (std::size_t n = 0; n < std::size(want.trap_ctxt); ++n) {
        expect_equal(wrong, vcpu, "trap address", got.trap_ctxt[n].address,
                     want.trap_ctxt[n].address);
    }
}

void check_context(const Kernel& kernel, std::uint32_t vcpu, const Context& got,
                   std::vector<std::string>& wrong)
{
    Context want = got;
    fill_registers(kernel, vcpu, want);
    for (std::size_t n = 0; n < nr_pattern_registers(kernel); ++n) {
        expect_equal(wrong, vcpu, pattern_names[n], got.user_regs.*pattern_registers[n],
                     want.user_regs.*pattern_registers[n]);
    }
    expect_equal(wrong, vcpu, "fs_base", got.fs_base, want.fs_base);
    expect_equal(wrong, vcpu, "gs_base_user", got.gs_base_user, want.gs_base_user);
    expect_equal(wrong, vcpu, "gs_base_kernel", got.gs_base_kernel, want.gs_base_kernel);
    if (std::memcmp(got.fpu_ctxt.x + xmm_offset, want.fpu_ctxt.x + xmm_offset, xmm_size) != 0) {
        wrong.push_back("vCPU " + std::to_string(vcpu) + " lost its xmm registers");
    }
    check_constants(kernel, vcpu, got, wrong);
    expect_equal(wrong, vcpu, "GDT entries", got.gdt_ents, entries_per_table);
    expect_equal(wrong, vcpu, "GDT frame (pfn)", kernel.pfn_of(got.gdt_frames[0]).value_or(no_mfn),
                 kernel.state.places.gdt + vcpu);
}

}  // namespace

void start_vcpus(Kernel& kernel)
{
    const auto boot = kernel.machine().read_vcpu(0);
    for (std::uint32_t vcpu = 1; vcpu < kernel.state.settings.nr_vcpus; ++vcpu) {
        const Context context = first_context(kernel, vcpu, boot->context);
        must(kernel.machine().hypercall(__HYPERVISOR_vcpu_op,
                                        {VCPUOP_initialise, vcpu, address_of(&context)}),
             "VCPUOP_initialise");
        if (vcpu < kernel.nr_online()) {
            must(kernel.machine().hypercall(__HYPERVISOR_vcpu_op, {VCPUOP_up, vcpu, 0}),
                 "VCPUOP_up");
        }
    }
    kernel.state.vcpus_started = 1;
}

void write_registers(const Kernel& kernel, Marker next)
{
    for (std::uint32_t vcpu = 0; vcpu < kernel.nr_online(); ++vcpu) {
        auto current = kernel.machine().read_vcpu(vcpu);
        if (!current) {
            throw Panic{"vCPU %" PRIu32 " has no context", vcpu};
        }
        Context& context = current->context;
        fill_registers(kernel, vcpu, context);
        if (vcpu == 0) {
            context.user_regs.rip = rip_of(next, kernel.abi());
            context.user_regs.rax = 0;
            if (kernel.abi().bits == 64) {
                context.user_regs.rdi = SCHEDOP_shutdown;
            }
            context.user_regs.rsi = kernel.abi().direct(kernel.state.places.start_info);
            // Xen's suspend hypercall takes the frame of start_info as its third argument.
            context.user_regs.rdx = kernel.p2m(kernel.state.places.start_info);
        }
        kernel.machine().write_vcpu(vcpu, context);
    }
}

std::vector<std::string> wrong_registers(const Kernel& kernel, bool reset_is_fine)
{
    std::vector<std::string> wrong;
    for (std::uint32_t vcpu = 0; vcpu < kernel.nr_online(); ++vcpu) {
        const auto current = kernel.machine().read_vcpu(vcpu);
        if (!current || (!current->online && vcpu != 0)) {
            if (!reset_is_fine) {
                wrong.push_back("vCPU " + std::to_string(vcpu) + " is gone");
            }
            continue;
        }
        check_context(kernel, vcpu, current->context, wrong);
        expect_equal(wrong, vcpu, "cr3 (pfn)",
                     kernel.pfn_of(current->context.ctrlreg[3] >> 12).value_or(no_mfn),
                     expected_cr3(kernel, vcpu));
        if (vcpu == 0 && kernel.state.user_cr3 != 0) {
            expect_equal(wrong, vcpu, "cr1 (pfn)",
                         kernel.pfn_of(current->context.ctrlreg[1] >> 12).value_or(no_mfn),
                         kernel.state.user_cr3);
        }
    }
    return wrong;
}

void load_user_table(Kernel& kernel, Pfn top)
{
    must(kernel.machine().mmuext(MMUEXT_NEW_USER_BASEPTR, kernel.p2m(top)),
         "MMUEXT_NEW_USER_BASEPTR");
    kernel.state.user_cr3 = top;
}

void switch_address_space(Kernel& kernel)
{
    const auto pick = [&]() -> Pfn {
        const Process& process = kernel.state.processes[kernel.random().below(max_processes)];
        const bool whole = process.hold == Hold::pinned && process.top == kernel.abi().levels;
        return whole ? process.table[process.top] : kernel.state.places.top_table;
    };
    const Pfn top = pick();
    must(kernel.machine().mmuext(MMUEXT_NEW_BASEPTR, kernel.p2m(top)), "MMUEXT_NEW_BASEPTR");
    kernel.state.kernel_cr3 = top;
    if (kernel.abi().has_user_table && kernel.state.processes[0].hold != Hold::user) {
        load_user_table(kernel, pick());
    }
}

}  // namespace fakexen::guest
