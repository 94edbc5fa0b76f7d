// SPDX-License-Identifier: LGPL-2.1-or-later
// Sizes, counts and times to and from text.
#include "tools/xsr/units.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <optional>

namespace sr {
namespace {

/// KiB in one of the unit that a suffix names.
std::optional<std::uint64_t> unit_kib(std::string suffix)
{
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (suffix.empty() || suffix == "m" || suffix == "mb" || suffix == "mib") {
        return 1024;
    }
    if (suffix == "k" || suffix == "kb" || suffix == "kib") {
        return 1;
    }
    if (suffix == "g" || suffix == "gb" || suffix == "gib") {
        return std::uint64_t{1024} * 1024;
    }
    if (suffix == "t" || suffix == "tb" || suffix == "tib") {
        return std::uint64_t{1024} * 1024 * 1024;
    }
    return std::nullopt;
}

}  // namespace

std::uint64_t parse_memory_kib(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    const auto unit = unit_kib(std::string{text.substr(digits)});
    if (error != std::errc{} || !unit || value == 0 ||
        value > std::numeric_limits<std::uint64_t>::max() / *unit) {
        throw Error{Errc::usage,
                    "'%.*s' is not a memory size: write 512 (MiB), 524288K, 512M or 2G",
                    static_cast<int>(text.size()), text.data()};
    }
    return value * *unit;
}

std::uint64_t parse_number(std::string_view text, const char* what)
{
    std::string_view digits = text;
    const bool is_hex = digits.starts_with("0x") || digits.starts_with("0X");
    digits.remove_prefix(is_hex ? 2 : 0);
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        throw Error{Errc::usage, "'%.*s' is not a %s: write 4096 or 0x1000",
                    static_cast<int>(text.size()), text.data(), what};
    }
    return value;
}

std::string format_octets(std::uint64_t octets)
{
    static constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (octets < 1024) {
        return format("%" PRIu64 " octets", octets);
    }
    double value = static_cast<double>(octets) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return format(value < 99.95 ? "%.1f %s" : "%.0f %s", value, units.at(unit));
}

std::string format_count(std::uint64_t count)
{
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string format_count(std::uint64_t count, std::string_view unit)
{
    std::string text = format_count(count) + ' ' + std::string{unit};
    if (count != 1) {
        text += 's';
    }
    return text;
}

std::string format_duration(std::chrono::nanoseconds time)
{
    const double seconds = std::chrono::duration<double>(time).count();
    if (seconds < 9.995) {
        return format("%.2f s", seconds);
    }
    const auto whole = std::int64_t{std::llround(seconds)};
    if (whole < 100) {
        return format("%" PRId64 " s", whole);
    }
    const std::int64_t minutes = whole / 60;
    if (minutes < 60) {
        return format("%" PRId64 ":%02" PRId64 " min", minutes, whole % 60);
    }
    return format("%" PRId64 ":%02" PRId64 ":%02" PRId64 " h", minutes / 60, minutes % 60,
                  whole % 60);
}

std::string format_hex(std::uint64_t number)
{
    return format("0x%" PRIx64, number);
}

std::string format(const char* pattern, ...)
{
    std::va_list args;
    va_start(args, pattern);
    std::va_list again;
    va_copy(again, args);
    const int length = std::vsnprintf(nullptr, 0, pattern, args);
    std::string text(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
    (void)std::vsnprintf(text.data(), text.size() + 1, pattern, again);
    va_end(again);
    va_end(args);
    return text;
}

}  // namespace sr
