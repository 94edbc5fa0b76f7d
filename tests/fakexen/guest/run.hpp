// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel's life: boot, quanta, orders from the toolstack.
#pragma once

#include "tests/fakexen/guest/machine.hpp"

#include <cstdint>
#include <cstdio>

namespace fakexen::guest {

/// Plays a domain until it is no more. @param log  where ticks, verdicts and crashes are told
void run_domain(std::uint32_t domid, std::FILE* log);

}  // namespace fakexen::guest
