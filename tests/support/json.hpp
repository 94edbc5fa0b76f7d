// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON as tests use it, compiled once: each file that would parse and print by itself takes ten seconds more.
#pragma once

#include <nlohmann/json.hpp>

#include <iosfwd>
#include <string>

extern template class nlohmann::basic_json<>;

namespace nlohmann {
/// For GoogleTest's messages.
void PrintTo(const json& value, std::ostream* out);
}  // namespace nlohmann

namespace sr::test {

/// @throws nlohmann::json::parse_error
[[nodiscard]] nlohmann::json parsed_json(const std::string& text);

}  // namespace sr::test
