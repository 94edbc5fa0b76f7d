// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: a vCPU's registers and blobs.
#include "tests/fakexen/host/descriptors.hpp"
#include "tests/fakexen/host/hypercalls/domctl.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"
#include "tests/fakexen/host/vcpu_context_32.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace fakexen::domctl {
namespace {

/// The vCPU, or Refused with the errno that the command has for a missing one.
Vcpu& vcpu_of(const DomctlCall& call, std::uint32_t id, int errnum)
{
    Vcpu* vcpu = call.domain->vcpu(id);
    if (vcpu == nullptr) {
        throw Refused{errnum};
    }
    return *vcpu;
}

bool is_self(const DomctlCall& call)
{
    return call.domain == &call.caller.domain();
}

}  // namespace

int get_vcpu_info(DomctlCall& call)
{
    auto& info = call.op.u.getvcpuinfo;
    if (info.vcpu >= call.domain->vcpus.size()) {
        return -EINVAL;
    }
    const Vcpu& vcpu = vcpu_of(call, info.vcpu, ESRCH);
    const bool runs = !vcpu.down && call.domain->may_run();
    info.online = vcpu.down ? 0 : 1;
    info.blocked = !vcpu.down && !runs ? 1 : 0;
    info.running = runs ? 1 : 0;
    info.cpu_time = 0;
    info.cpu = 0;
    return 0;
}

int get_vcpu_context(DomctlCall& call)
{
    const Vcpu& vcpu = vcpu_of(call, call.op.u.vcpucontext.vcpu, EINVAL);
    if (!vcpu.initialised) {
        return -ENODATA;
    }
    const std::uint64_t to = address_of(call.op.u.vcpucontext.ctxt);
    if (call.domain->is_32bit) {
        call.caller.write(to, narrowed(get_context(vcpu)));
    } else {
        call.caller.write(to, get_context(vcpu));
    }
    return 0;
}

int set_vcpu_context(DomctlCall& call)
{
    Vcpu& vcpu = vcpu_of(call, call.op.u.vcpucontext.vcpu, EINVAL);
    if (is_self(call)) {
        return -EINVAL;
    }
    call.domain->vcpus_written = true;
    const std::uint64_t from = address_of(call.op.u.vcpucontext.ctxt);
    if (from == 0) {
        call.xen.reset_vcpu(vcpu);
        return 0;
    }
    return set_context(call.xen, vcpu,
                       call.domain->is_32bit ? widened(call.caller.read<Context32>(from))
                                             : call.caller.read<vcpu_guest_context_t>(from));
}

int get_extended_context(DomctlCall& call)
{
    auto& extended = call.op.u.ext_vcpucontext;
    const Vcpu& vcpu = vcpu_of(call, extended.vcpu, ESRCH);
    extended = vcpu.extended;
    extended.vcpu = vcpu.id;
    extended.size = sizeof extended;
    return 0;
}

// The code selectors are lifted to the guest kernel's ring, also those that were never set.
int set_extended_context(DomctlCall& call)
{
    auto& extended = call.op.u.ext_vcpucontext;
    Vcpu& vcpu = vcpu_of(call, extended.vcpu, ESRCH);
    if (is_self(call)) {
        return -ESRCH;
    }
    const auto canonical = [](std::uint64_t address) {
        return address >> 47 == 0 || address >> 47 == (~std::uint64_t{0} >> 47);
    };
    if (extended.size < offsetof(xen_domctl_ext_vcpucontext, mcg_cap) ||
        !canonical(extended.sysenter_callback_eip) || !canonical(extended.syscall32_callback_eip)) {
        return -EINVAL;
    }
    constexpr std::uint64_t known_mcg_cap = 0x1ff;  // banks, and that there is a control register
    if (extended.size > offsetof(xen_domctl_ext_vcpucontext, mcg_cap) &&
        (extended.mcg_cap & ~known_mcg_cap) != 0) {
        return -EINVAL;
    }
    // A short structure is an older Xen's: what it does not reach stays zero.
    vcpu.extended = {};
    std::memcpy(&vcpu.extended, &extended, std::min<std::size_t>(extended.size, sizeof extended));
    vcpu.extended.sysenter_disables_events = extended.sysenter_disables_events != 0 ? 1 : 0;
    vcpu.extended.syscall32_disables_events = extended.syscall32_disables_events != 0 ? 1 : 0;
    fix_selector(vcpu.extended.sysenter_callback_cs, call.domain->is_32bit);
    fix_selector(vcpu.extended.syscall32_callback_cs, call.domain->is_32bit);
    return 0;
}

// Size 0 and mask 0, or no buffer: how much could it be? A second call brings the mask back and a buffer.
int get_xsave(DomctlCall& call)
{
    auto& state = call.op.u.vcpuextstate;
    const Vcpu& vcpu = vcpu_of(call, state.vcpu, ESRCH);
    const std::uint64_t features = call.xen.config().xsave_features;
    const std::uint64_t buffer = address_of(state.buffer);
    if ((state.size == 0 && state.xfeature_mask == 0) || buffer == 0) {
        state.xfeature_mask = features;
        state.size = xsave::blob_size(features);
        return 0;
    }
    if (state.size < vcpu.xsave.size() || state.xfeature_mask != features) {
        return -EINVAL;
    }
    const std::vector<std::byte> blob = vcpu.xsave.blob();
    call.caller.write(buffer, std::span{blob});
    state.size = blob.size();
    return 0;
}

int set_xsave(DomctlCall& call)
{
    const auto& state = call.op.u.vcpuextstate;
    Vcpu& vcpu = vcpu_of(call, state.vcpu, ESRCH);
    const std::uint64_t features = call.xen.config().xsave_features;
    if (state.size < xsave::head_size || state.size > xsave::blob_size(features)) {
        return -EINVAL;
    }
    const auto blob = call.caller.read_array<std::byte>(address_of(state.buffer), state.size);
    return vcpu.xsave.set(blob, features);
}

// MSRs that are zero do not travel. Without a buffer: how many could it be?
int get_msrs(DomctlCall& call)
{
    auto& msrs = call.op.u.vcpu_msrs;
    const Vcpu& vcpu = vcpu_of(call, msrs.vcpu, ESRCH);
    const std::uint64_t buffer = address_of(msrs.msrs);
    if (buffer == 0) {
        msrs.msr_count = MsrState::announced_max;
        return 0;
    }
    std::vector<xen_domctl_vcpu_msr> found;
    for (const std::uint32_t index : MsrState::known()) {
        if (const std::uint64_t value = vcpu.msrs.get(index); value != 0) {
            found.push_back({.index = index, .reserved = 0, .value = value});
        }
    }
    const std::size_t room = std::min<std::size_t>(found.size(), msrs.msr_count);
    call.caller.write_array<xen_domctl_vcpu_msr>(buffer, std::span{found}.first(room));
    msrs.msr_count = static_cast<std::uint32_t>(found.size());
    return room < found.size() ? -ENOBUFS : 0;
}

// On failure msr_count says how many were taken.
int set_msrs(DomctlCall& call)
{
    auto& msrs = call.op.u.vcpu_msrs;
    Vcpu& vcpu = vcpu_of(call, msrs.vcpu, ESRCH);
    if (msrs.msr_count > MsrState::announced_max) {
        return -EINVAL;
    }
    const auto given =
        call.caller.read_array<xen_domctl_vcpu_msr>(address_of(msrs.msrs), msrs.msr_count);
    for (std::uint32_t i = 0; i < given.size(); ++i) {
        if (given[i].reserved != 0 || vcpu.msrs.set(given[i].index, given[i].value) != 0) {
            msrs.msr_count = i;
            return -EINVAL;
        }
    }
    return 0;
}

// One physical CPU, and every vCPU may run on it.
int get_vcpu_affinity(DomctlCall& call)
{
    const auto& affinity = call.op.u.vcpuaffinity;
    (void)vcpu_of(call, affinity.vcpu, EINVAL);
    for (const auto* map : {&affinity.cpumap_hard, &affinity.cpumap_soft}) {
        if (address_of(map->bitmap) != 0 && map->nr_bits > 0) {
            call.caller.write(address_of(map->bitmap), std::uint8_t{1});
        }
    }
    return 0;
}

int set_vcpu_affinity(DomctlCall& call)
{
    (void)vcpu_of(call, call.op.u.vcpuaffinity.vcpu, EINVAL);
    return 0;
}

}  // namespace fakexen::domctl
