// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON as xsr writes it, members in the order in which they were added; what is large of it is compiled once.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace sr {

using Json = nlohmann::ordered_json;

/// As text. What is not UTF-8 is replaced. @param indent  blanks a level, or -1: all in one line
[[nodiscard]] std::string json_text(const Json& document, int indent = -1);

}  // namespace sr
