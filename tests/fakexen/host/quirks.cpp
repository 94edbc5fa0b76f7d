// SPDX-License-Identifier: LGPL-2.1-or-later
// Quirks by name.
#include "tests/fakexen/host/quirks.hpp"

#include "libsr/base/error.hpp"

#include <charconv>
#include <optional>

namespace fakexen {
namespace {

constexpr const char* latency_prefix = "latency:";
constexpr std::uint32_t grant_version_max = 2;
constexpr std::uint32_t grant_frames_max = 4096;
constexpr std::uint32_t latency_us_max = 10'000'000;

Latency parse_latency(const std::string& text)
{
    const auto start = std::char_traits<char>::length(latency_prefix);
    const auto colon = text.rfind(':');
    Latency latency;
    if (colon > start) {
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data() + colon + 1, end, latency.us);
        if (parsed.ec == std::errc{} && parsed.ptr == end && latency.us <= latency_us_max) {
            latency.call = text.substr(start, colon - start);
        }
    }
    if (latency.call.empty()) {
        throw sr::Error{sr::Errc::usage, "--quirk %s is not latency:CALL:MICROSECONDS",
                        text.c_str()};
    }
    return latency;
}

/// The number behind the prefix; nothing where there is no such prefix.
std::optional<std::uint32_t> number_after(const std::string& text, const std::string& prefix,
                                          std::uint32_t most)
{
    if (!text.starts_with(prefix)) {
        return std::nullopt;
    }
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + prefix.size(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0 || number > most) {
        throw sr::Error{sr::Errc::usage, "--quirk %s: N is 1 to %u", text.c_str(), most};
    }
    return number;
}

}  // namespace

std::uint32_t Quirks::latency_us(const std::string& full, const char* call) const
{
    std::uint32_t us = 0;
    for (const Latency& latency : latencies) {
        if (latency.call == full || latency.call == call || latency.call == "any") {
            us += latency.us;
        }
    }
    return us;
}

void add_quirk(Quirks& quirks, const std::string& text)
{
    if (text == "stale-types") {
        quirks.stale_types = true;
    } else if (text == "no-gup") {
        quirks.no_gup = true;
    } else if (text == "eager-status") {
        quirks.eager_status = true;
    } else if (const auto version = number_after(text, "grant-version:", grant_version_max)) {
        quirks.grants.max_version = *version;
    } else if (const auto frames = number_after(text, "grant-frames:", grant_frames_max)) {
        quirks.grants.max_frames = *frames;
    } else if (text.starts_with(latency_prefix)) {
        quirks.latencies.push_back(parse_latency(text));
    } else {
        throw sr::Error{sr::Errc::usage,
                        "--quirk %s: there are stale-types, no-gup, eager-status, grant-version:N, "
                        "grant-frames:N and latency:CALL:US",
                        text.c_str()};
    }
}

}  // namespace fakexen
