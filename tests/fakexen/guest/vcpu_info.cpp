// SPDX-License-Identifier: LGPL-2.1-or-later
// VCPUOP_register_vcpu_info (xen/vcpu.h).
#include "tests/fakexen/guest/vcpu_info.hpp"

#include <cerrno>

namespace fakexen::guest {

void place_vcpu_info(const Kernel& kernel, bool may_be_registered)
{
    for (std::uint32_t vcpu = 0; vcpu < kernel.state.settings.nr_vcpus; ++vcpu) {
        vcpu_register_vcpu_info_t place = {};
        place.mfn = kernel.p2m(kernel.state.places.vcpu_info + vcpu / vcpu_infos_per_page);
        place.offset = vcpu % vcpu_infos_per_page * static_cast<std::uint32_t>(sizeof(vcpu_info_t));
        const auto result = kernel.machine().hypercall(
            __HYPERVISOR_vcpu_op, {VCPUOP_register_vcpu_info, vcpu, address_of(&place)});
        if (result != -EINVAL || !may_be_registered) {
            must(result, "VCPUOP_register_vcpu_info");
        }
    }
}

}  // namespace fakexen::guest
