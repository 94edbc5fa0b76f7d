// SPDX-License-Identifier: LGPL-2.1-or-later
// Looking at everything: each page ever written, each table, each pin.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>
#include <vector>

namespace fakexen::guest {

/// Checks all memory and tables and writes the outcome into the kernel's state.
/// @param wrong  what was found wrong before; counts too
void check_everything(Kernel& kernel, std::vector<std::string> wrong);

/// A number that two guests share if they lived the same life: all records of pages, and the random state.
[[nodiscard]] std::uint64_t fingerprint_of(const Kernel& kernel);

/// "intact 1234 pages, 56 tables, checked 2 times", or what is wrong.
[[nodiscard]] std::string verdict_of(const State& state);

}  // namespace fakexen::guest
