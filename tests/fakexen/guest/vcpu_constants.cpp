// SPDX-License-Identifier: LGPL-2.1-or-later
// A vCPU's constant state, all of it valid by Xen's rules for a PV guest.
#include "tests/fakexen/guest/vcpu_constants.hpp"

#include "tests/fakexen/guest/random.hpp"

namespace fakexen::guest {

void set_vcpu_constants(vcpu_guest_context_t& context, const Abi& abi, std::uint64_t seed,
                        std::uint32_t vcpu, Va descriptors)
{
    std::uint64_t random = mix(seed) + vcpu;
    Random dice{random};
    const auto kernel_address = [&] { return abi.direct_map + dice.below(1U << 30); };
    context.event_callback_eip = kernel_address();
    context.failsafe_callback_eip = kernel_address();
    // A 32-bit guest has the selectors of the other two there.
    context.syscall_callback_eip = abi.bits == 64
                                       ? kernel_address()
                                       : abi.code_segment | std::uint64_t{abi.code_segment} << 32;
    context.kernel_ss = abi.stack_segment;
    context.kernel_sp = kernel_address() & ~std::uint64_t{15};
    for (std::uint8_t vector = 0; vector < 255; ++vector) {
        const bool used = dice.one_in(2);
        context.trap_ctxt[vector] =
            used ? trap_info_t{vector, 0, abi.code_segment, kernel_address()} : trap_info_t{};
    }
    for (int n = 0; n < 4; ++n) {
        context.debugreg[n] = dice.below(1U << 30) & ~std::uint64_t{7};
    }
    context.ldt_base = descriptors;
    context.ldt_ents = entries_per_table;
    context.gdt_ents = entries_per_table;
}

}  // namespace fakexen::guest
