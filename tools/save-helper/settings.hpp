// SPDX-License-Identifier: LGPL-2.1-or-later
// Options of libsr's own, which libxl does not pass: from a file and from the environment.
#pragma once

#include "sr.h"

#include <cstdint>
#include <optional>
#include <string>

namespace sr {

/// The environment variable that holds options as one would type them; they win over the file's.
constexpr const char* settings_variable = "LIBSR_SAVE_HELPER_OPTIONS";

struct Settings {
    sr_stale_types stale_types = SR_STALE_TYPES_AUTO;
    bool grants = false;                           ///< record grant tables in plain streams
    std::uint32_t max_grant_version = 0;           ///< of the domains here; 0: not known
    sr_log_level log_level = SR_LOG_DEBUG;         ///< the least that libxl is told
    std::optional<std::uint32_t> max_rounds;       ///< of a live save; none: the engine's rule
    std::optional<std::uint64_t> dirty_threshold;  ///< pages, as above
    std::string fallback;                          ///< a save helper for what libsr does not take
};

/// @param words  of the environment variable; null: not set
/// @throws Error{usage} on an option that is not known, or a value that makes no sense, saying where it stands
[[nodiscard]] Settings read_settings(const char* words);

/// What --help prints.
[[nodiscard]] std::string help_text();

}  // namespace sr
