// SPDX-License-Identifier: LGPL-2.1-or-later
// MSRs by WRMSR, AVX registers by XSAVE, callbacks by callback_op.
#include "tests/fakexen/guest/vcpu_state.hpp"

#include <xen/callback.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fakexen::guest {

namespace {

// The MSRs of a PV guest that travel (Xen 4.17, vcpu_msrs in xen/arch/x86/domctl.c): TSC_AUX and the breakpoints' masks.
constexpr std::uint32_t msr_indices[] = {0xc0000103, 0xc0011027, 0xc0011019, 0xc001101a,
                                         0xc001101b};

// Intel SDM vol. 1, "XSAVE-Managed Features" and "XSAVE Area".
constexpr std::uint64_t x87_sse_avx = 7;
constexpr std::size_t head_size = 16;  ///< xcr0, xcr0_accum: Xen's own
constexpr std::size_t header_at = head_size + 512;
constexpr std::size_t avx_at = header_at + 64;
constexpr std::size_t avx_size = 256;

struct Callback {
    std::uint16_t type;
    std::uint64_t address;
    std::uint16_t selector;  ///< of a 32-bit guest
};

Random dice_of(const Kernel& kernel, std::uint32_t vcpu, std::uint64_t& random)
{
    random = mix(kernel.state.settings.seed ^ 0xab5) + vcpu;
    return Random{random};
}

protocol::VcpuState pattern_of(const Kernel& kernel, std::uint32_t vcpu)
{
    std::uint64_t random = 0;
    Random dice = dice_of(kernel, vcpu, random);
    protocol::VcpuState state;
    for (const std::uint32_t index : msr_indices) {
        // A breakpoint's mask and TSC_AUX have 32 bits; zero values do not travel.
        state.msrs[state.nr_msrs++] = {index, 0, dice.next() >> 32 | 1};
    }
    const auto set = [&](std::size_t at, const auto& value) {
        std::memcpy(state.xsave + at, &value, sizeof value);
    };
    set(0, x87_sse_avx);
    set(8, x87_sse_avx);
    set(head_size, std::uint16_t{0x37f});        // as after FINIT
    set(head_size + 24, std::uint32_t{0x1f80});  // as after reset
    set(header_at, x87_sse_avx);
    for (std::size_t at = avx_at; at < avx_at + avx_size; at += 8) {
        set(at, dice.next());
    }
    state.xsave_length = avx_at + avx_size;
    return state;
}

/// Of the kernel's code, as far as a guest of this width tells Xen of them.
std::vector<Callback> callbacks_of(const Kernel& kernel, std::uint32_t vcpu)
{
    const Va base = kernel.abi().direct_map + (std::uint64_t{vcpu} << 16);
    const std::uint16_t selector = kernel.abi().code_segment;
    return {{CALLBACKTYPE_sysenter, base + 0x1000, selector},
            {CALLBACKTYPE_syscall32, base + 0x2000, selector}};
}

void register_callbacks(const Kernel& kernel, std::uint32_t vcpu)
{
    for (const Callback& callback : callbacks_of(kernel, vcpu)) {
        callback_register_t request = {};
        request.type = callback.type;
        request.address =
            kernel.abi().bits == 32 ? callback.selector | callback.address << 32 : callback.address;
        must(kernel.machine().hypercall(__HYPERVISOR_callback_op,
                                        {CALLBACKOP_register, address_of(&request)}, vcpu),
             "CALLBACKOP_register");
    }
}

bool has_callbacks(const Kernel& kernel, std::uint32_t vcpu,
                   const xen_domctl_ext_vcpucontext& extended)
{
    const auto callbacks = callbacks_of(kernel, vcpu);
    const bool same_addresses = extended.sysenter_callback_eip == callbacks[0].address &&
                                extended.syscall32_callback_eip == callbacks[1].address;
    const bool same_selectors =
        kernel.abi().bits == 64 || (extended.sysenter_callback_cs == callbacks[0].selector &&
                                    extended.syscall32_callback_cs == callbacks[1].selector);
    return same_addresses && same_selectors;
}

bool has_msrs(const protocol::VcpuState& got, const protocol::VcpuState& want)
{
    return got.nr_msrs == want.nr_msrs &&
           std::all_of(want.msrs, want.msrs + want.nr_msrs, [&](const protocol::VcpuMsr& msr) {
               return std::any_of(got.msrs, got.msrs + got.nr_msrs,
                                  [&](const protocol::VcpuMsr& other) {
                                      return other.index == msr.index && other.value == msr.value;
                                  });
           });
}

}  // namespace

void set_vcpu_state(Kernel& kernel)
{
    if ((kernel.state.settings.workload & workload_plain_vcpus) != 0) {
        return;
    }
    for (std::uint32_t vcpu = 0; vcpu < kernel.nr_online(); ++vcpu) {
        register_callbacks(kernel, vcpu);
        protocol::VcpuState state = pattern_of(kernel, vcpu);
        if (kernel.machine().write_vcpu_state(vcpu, state) == -EOPNOTSUPP ||
            kernel.state.no_xsave != 0) {
            kernel.state.no_xsave = 1;  // an old CPU
            state.xsave_length = 0;
            must(kernel.machine().write_vcpu_state(vcpu, state), "WRMSR");
        }
    }
}

std::vector<std::string> wrong_vcpu_state(const Kernel& kernel)
{
    std::vector<std::string> wrong;
    if ((kernel.state.settings.workload & workload_plain_vcpus) != 0) {
        return wrong;
    }
    for (std::uint32_t vcpu = 0; vcpu < kernel.nr_online(); ++vcpu) {
        const std::string name = "vCPU " + std::to_string(vcpu);
        const auto got = kernel.machine().read_vcpu_state(vcpu);
        const auto want = pattern_of(kernel, vcpu);
        if (!has_msrs(got.state, want)) {
            wrong.push_back(name + " lost its MSRs");
        }
        if (!has_callbacks(kernel, vcpu, got.extended)) {
            wrong.push_back(name + " lost its system call callbacks");
        }
        const bool same_xsave = got.state.xsave_length == want.xsave_length &&
                                std::memcmp(got.state.xsave, want.xsave, want.xsave_length) == 0;
        if (!same_xsave && kernel.state.no_xsave == 0) {
            wrong.push_back(name + " lost its AVX registers");
        }
    }
    return wrong;
}

}  // namespace fakexen::guest
