// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the commented hex files of tests/golden (its README.md says how they are written).
#pragma once

#include "libsr/base/bytes.hpp"

#include <string>

namespace sr::test {

/// The octets of tests/golden/<name>. A file that is missing or breaks its rules throws
/// std::runtime_error.
[[nodiscard]] Octets golden(const std::string& name);

/// The octets of hex text with the same rules.
[[nodiscard]] Octets octets_of_hex(const std::string& text);

/// The body of a golden record: what its head's length says, without head and padding.
[[nodiscard]] Octets golden_body(const std::string& name);

}  // namespace sr::test
