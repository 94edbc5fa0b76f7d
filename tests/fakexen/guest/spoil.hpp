// SPDX-License-Identifier: LGPL-2.1-or-later
// Damaging a suspended guest on purpose, so that tests see its verdict change.
#pragma once

#include "tests/fakexen/guest/toolstack.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fakexen::guest {

/// What can be damaged, by the names that spoil() takes.
[[nodiscard]] std::vector<std::string> spoilable();

/// Changes one thing in a suspended guest. @throws std::runtime_error if the guest has no such thing
void spoil(const Toolstack& toolstack, std::uint32_t domid, const std::string& what);

}  // namespace fakexen::guest
