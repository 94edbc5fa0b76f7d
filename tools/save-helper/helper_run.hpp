// SPDX-License-Identifier: LGPL-2.1-or-later
// One job for libxl, from the first message to `complete`.
#pragma once

#include "tools/save-helper/invocation.hpp"

namespace sr {

/// Does what libxl asked for, or becomes the helper that is to do it in libsr's place.
/// @param argv  of this program, which such a helper gets too
/// @return the exit status: 0 if libxl was told how it ended
[[nodiscard]] int run_helper(const Invocation& asked, char** argv);

}  // namespace sr
