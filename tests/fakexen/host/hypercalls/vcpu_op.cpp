// SPDX-License-Identifier: LGPL-2.1-or-later
// vcpu_op: a guest brings its other vCPUs up and down and places its vcpu_info.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fakexen::hypercall {
namespace {

int initialise(Hypervisor& xen, Vcpu& vcpu, const Caller& caller, std::uint64_t from)
{
    if (vcpu.id >= XEN_LEGACY_MAX_VCPUS && !vcpu.info_frame) {
        return -EINVAL;  // it has no vcpu_info: none is in shared_info for it
    }
    if (vcpu.initialised) {
        return -EEXIST;
    }
    return set_context(xen, vcpu, caller.read<vcpu_guest_context_t>(from));
}

int take_down(Hypervisor& xen, Vcpu& vcpu)
{
    const auto& vcpus = vcpu.domain.vcpus;
    const bool others = std::any_of(vcpus.begin(), vcpus.end(), [&](const auto& other) {
        return other && other.get() != &vcpu && !other->down;
    });
    if (!others) {
        xen.shut_down(vcpu.domain, SHUTDOWN_poweroff);
        return 0;
    }
    vcpu.down = true;
    return 0;
}

// From then on events are announced there instead of in shared_info. Once in a vCPU's life.
int register_info(Hypervisor& xen, Vcpu& vcpu, const Caller& caller, std::uint64_t from)
{
    const auto request = caller.read<vcpu_register_vcpu_info_t>(from);
    if (request.offset > page_size - sizeof(vcpu_info_t) || vcpu.info_frame) {
        return -EINVAL;
    }
    const Mfn mfn{request.mfn};
    if (xen.types.get_page_and_type(mfn, FrameType::writable, vcpu.domain) != 0) {
        return -EINVAL;
    }
    vcpu.info_frame = mfn;
    vcpu.info_offset = request.offset;
    if (vcpu.id < XEN_LEGACY_MAX_VCPUS) {
        const auto shared = xen.machine.contents(*vcpu.domain.shared_info);
        const auto target = xen.machine.contents(mfn);
        std::memcpy(target.data() + request.offset, shared.data() + vcpu.id * sizeof(vcpu_info_t),
                    sizeof(vcpu_info_t));
    }
    return 0;
}

struct Operation {
    std::uint64_t command;
    const char* name;
};

constexpr Operation operations[] = {
    {VCPUOP_initialise, "initialise"},
    {VCPUOP_up, "up"},
    {VCPUOP_down, "down"},
    {VCPUOP_is_up, "is_up"},
    {VCPUOP_register_vcpu_info, "register_vcpu_info"},
    {VCPUOP_register_runstate_memory_area, "register_runstate_memory_area"},
    {VCPUOP_register_vcpu_time_memory_area, "register_vcpu_time_memory_area"},
    {VCPUOP_set_periodic_timer, "set_periodic_timer"},
    {VCPUOP_stop_periodic_timer, "stop_periodic_timer"},
    {VCPUOP_set_singleshot_timer, "set_singleshot_timer"},
    {VCPUOP_stop_singleshot_timer, "stop_singleshot_timer"},
};

}  // namespace

std::int64_t vcpu_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto* at = std::find_if(std::begin(operations), std::end(operations),
                                  [&](const Operation& op) { return op.command == args[0]; });
    caller.enter("vcpu_op", at != std::end(operations) ? at->name : "other");
    Vcpu* vcpu = caller.domain().vcpu(args[1]);
    if (vcpu == nullptr) {
        return -ENOENT;
    }
    switch (args[0]) {
    case VCPUOP_initialise:
        return initialise(xen, *vcpu, caller, args[2]);
    case VCPUOP_up:
        if (!vcpu->initialised) {
            return -EINVAL;
        }
        vcpu->down = false;
        return 0;
    case VCPUOP_down:
        return take_down(xen, *vcpu);
    case VCPUOP_is_up:
        return vcpu->down ? 0 : 1;
    case VCPUOP_register_vcpu_info:
        return register_info(xen, *vcpu, caller, args[2]);
    default:
        return at != std::end(operations) ? 0 : -ENOSYS;  // time is not modelled
    }
}

}  // namespace fakexen::hypercall
