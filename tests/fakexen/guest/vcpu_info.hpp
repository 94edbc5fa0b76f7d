// SPDX-License-Identifier: LGPL-2.1-or-later
// Where Xen announces events to each vCPU: in the kernel's own memory, as Linux has it. Only the first 32 vCPUs have a
// place in shared_info; the others cannot start without.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Registers the place of each vCPU's vcpu_info, once after boot and once after a restore.
/// @param may_be_registered  the domain is the same as before: Xen refuses a second place
void place_vcpu_info(const Kernel& kernel, bool may_be_registered);

}  // namespace fakexen::guest
