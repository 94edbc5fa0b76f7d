// SPDX-License-Identifier: LGPL-2.1-or-later
// What of a vCPU's context never changes: callbacks, traps, stacks, debug registers, descriptor tables.
#pragma once

#include "tests/fakexen/guest/abi.hpp"
#include "tests/fakexen/protocol/xen.hpp"

#include <cstdint>

namespace fakexen::guest {

/// Fills them with a pattern of this guest and vCPU. GDT and LDT are the page `descriptors`, whose frame the caller sets.
void set_vcpu_constants(vcpu_guest_context_t& context, const Abi& abi, std::uint64_t seed,
                        std::uint32_t vcpu, Va descriptors);

}  // namespace fakexen::guest
