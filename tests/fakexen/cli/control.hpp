// SPDX-License-Identifier: LGPL-2.1-or-later
// Asking a running host.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace fakexen::cli {

/// Sends a command to a host and returns its answer. @throws Error{io} if no host answers
[[nodiscard]] nlohmann::json ask(const std::string& host, const nlohmann::json& request);

/// Prints the leak report in the answer to "stop". @return the exit code that goes with it
[[nodiscard]] int report_leaks(const nlohmann::json& answer, bool strict);

}  // namespace fakexen::cli
