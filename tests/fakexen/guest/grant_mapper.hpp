// SPDX-License-Identifier: LGPL-2.1-or-later
// A kernel that maps what another domain grants, as one with device back ends does: --map-grants-of.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>

namespace fakexen::guest {

/// One quantum's share: maps some grants of those that the other kernel's directory tells of, or uses what it has mapped,
/// or lets go of it. That the other domain is gone, or grants nothing, is no error.
void work_on_mappings(Kernel& kernel);

/// Before a suspend.
void let_go_of_grants(Kernel& kernel);

/// "held 3, mapped 120, …", or nothing.
[[nodiscard]] std::string describe_mappings(const Kernel& kernel);

}  // namespace fakexen::guest
