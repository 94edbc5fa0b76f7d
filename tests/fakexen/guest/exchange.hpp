// SPDX-License-Identifier: LGPL-2.1-or-later
// A pfn gets another machine frame: XENMEM_exchange, as a kernel does that wants contiguous memory.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// As many exchanges as the settings ask for in a quantum. A silent one stores nothing afterwards: the page holds what its
/// new frame held, is mapped read-only, and must stay as it is (Role::stale).
void work_on_exchanges(Kernel& kernel);

}  // namespace fakexen::guest
