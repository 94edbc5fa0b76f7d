// SPDX-License-Identifier: LGPL-2.1-or-later
// Sizes, counts and times as people write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sr {

/// A memory size in KiB from "512" (MiB, as in xl's configuration), "512M", "1G", "524288K"; the
/// unit may be followed by "B" or "iB", in any case. @throws Error{usage} for anything else, and
/// for zero
[[nodiscard]] std::uint64_t parse_memory_kib(std::string_view text);

/// A frame number or vCPU from "4096" or "0x1000". @throws Error{usage}
[[nodiscard]] std::uint64_t parse_number(std::string_view text, const char* what);

/// "24.1 MiB", "812 KiB", "17 octets"
[[nodiscard]] std::string format_octets(std::uint64_t octets);
/// "25,226,866"
[[nodiscard]] std::string format_count(std::uint64_t count);
/// "1 page", "2,000 pages"
[[nodiscard]] std::string format_count(std::uint64_t count, std::string_view unit);
/// "0.31 s", "12 s", "4:07 min", "1:02:03 h"
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds time);
/// "0x1fe": how frame numbers and offsets are shown everywhere.
[[nodiscard]] std::string format_hex(std::uint64_t number);
/// printf into a string.
[[nodiscard]] std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

}  // namespace sr
