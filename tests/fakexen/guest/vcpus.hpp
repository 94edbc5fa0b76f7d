// SPDX-License-Identifier: LGPL-2.1-or-later
// Virtual CPUs: every register that a guest has to find again holds a pattern of its own.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>
#include <vector>

namespace fakexen::guest {

/// Gives the other vCPUs a context, and starts those that are to be online.
void start_vcpus(Kernel& kernel);

/// Writes all vCPUs' registers as they are at the end of this quantum; vCPU 0 will continue at
/// `next`.
void write_registers(const Kernel& kernel, Marker next);

/// What of a vCPU's registers is not as write_registers() left them; vCPU 0's rax and rdx are not
/// looked at.
/// @param reset_is_fine  a vCPU that lost its context is no fault: a resume in place resets all but
/// vCPU 0
[[nodiscard]] std::vector<std::string> wrong_registers(const Kernel& kernel, bool reset_is_fine);

/// Gives vCPU 0 a table for user mode (cr1 of its context).
void load_user_table(Kernel& kernel, Pfn top);

/// Moves vCPU 0 to another address space, kernel and user.
void switch_address_space(Kernel& kernel);

}  // namespace fakexen::guest
