// SPDX-License-Identifier: LGPL-2.1-or-later
// The facts of a saved file, laid out.
#pragma once

#include "libsr/verify/verify.hpp"
#include "tools/xsr/console.hpp"

#include <string>

namespace sr {

[[nodiscard]] std::string facts_text(const VerifyReport& report, const std::string& file_name);
[[nodiscard]] Json facts_json(const VerifyReport& report, const std::string& file_name);

}  // namespace sr
