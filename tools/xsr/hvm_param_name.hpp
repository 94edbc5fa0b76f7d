// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of HVM parameters.
#pragma once

#include <cstdint>
#include <string>

namespace sr {

/// "12 IDENT_PT"; the number alone for one that has no name (public/hvm/params.h).
[[nodiscard]] std::string hvm_param_name(std::uint64_t index);

}  // namespace sr
