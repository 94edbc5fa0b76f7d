// SPDX-License-Identifier: LGPL-2.1-or-later
// What travels with a vCPU beside its context: extended state (AVX registers), MSRs, the callbacks of 32-bit system
// calls. A stream has a record of its own for each.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>
#include <vector>

namespace fakexen::guest {

/// Gives each online vCPU patterns of its own, once after boot.
void set_vcpu_state(Kernel& kernel);

/// What of it an online vCPU does not have any more.
[[nodiscard]] std::vector<std::string> wrong_vcpu_state(const Kernel& kernel);

}  // namespace fakexen::guest
