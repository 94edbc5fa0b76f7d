// SPDX-License-Identifier: LGPL-2.1-or-later
// What verify found, in words: for verify and info.
#pragma once

#include "libsr/verify/verify.hpp"
#include "tools/xsr/console.hpp"

#include <string>

namespace sr {

/// "record 17 PAGE_DATA at offset 0x2a40: error (malformed): …"
[[nodiscard]] std::string finding_line(const Finding& finding);
/// "no deviation: 16 records, 6,144 pages"; "2 errors, 1 deviation: a restore refuses it"
[[nodiscard]] std::string verdict(const VerifyReport& report);
[[nodiscard]] Json judgement_json(const VerifyReport& report, const std::string& file_name);

/// By the first error; without one, whether there are deviations.
[[nodiscard]] ExitCode exit_code_of(const VerifyReport& report) noexcept;

}  // namespace sr
