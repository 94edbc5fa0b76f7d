// SPDX-License-Identifier: LGPL-2.1-or-later
// The progress bar and its JSON twin.
#include "tools/xsr/progress_line.hpp"

#include "tools/xsr/units.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sr {
namespace {

constexpr std::size_t bar_columns_max = 30;
constexpr std::size_t bar_columns_min = 8;
constexpr std::uint64_t page_octets = 4096;

std::string bar(double fraction, std::size_t columns, bool is_utf8)
{
    const auto filled =
        static_cast<std::size_t>(std::floor(fraction * static_cast<double>(columns)));
    std::string text;
    for (std::size_t at = 0; at < columns; ++at) {
        const bool is_done = at < filled;
        text += is_utf8 ? (is_done ? "\u2501" : "\u254c") : (is_done ? "=" : "-");
    }
    return text;
}

/// What is left, at the pace so far; empty where that says nothing.
std::string time_left(const ProgressFacts& facts, double fraction)
{
    const double elapsed = std::chrono::duration<double>(facts.elapsed).count();
    if (fraction < 0.01 || elapsed < 0.5) {
        return {};
    }
    const auto left = std::int64_t{std::llround(elapsed / fraction * (1 - fraction))};
    if (left >= 3600) {
        return format("%d:%02d:%02d left", static_cast<int>(left / 3600),
                      static_cast<int>(left / 60 % 60), static_cast<int>(left % 60));
    }
    return format("%d:%02d left", static_cast<int>(left / 60), static_cast<int>(left % 60));
}

std::vector<std::string> figures(const ProgressFacts& facts, double fraction)
{
    if (facts.phase == SR_PHASE_SETUP && facts.pages_sent == 0) {
        return {"preparing"};
    }
    std::vector<std::string> parts;
    if (fraction >= 0) {
        parts.push_back(format("%3.0f %%", std::floor(fraction * 100)));
    }
    parts.push_back(format_count(facts.pages_sent, "page"));
    if (facts.phase == SR_PHASE_LIVE) {
        parts.push_back(facts.round == 0 ? "round 1"
                                         : format("round %u: ", facts.round + 1) +
                                               format_count(facts.pages_total, "dirty page"));
    }
    parts.push_back(format_octets(facts.octets));
    if (facts.octets_per_second >= 1) {
        parts.push_back(format_octets(static_cast<std::uint64_t>(facts.octets_per_second)) + "/s");
    }
    if (const std::string left = time_left(facts, fraction); !left.empty()) {
        parts.push_back(left);
    }
    return parts;
}

}  // namespace

double fraction_done(const ProgressFacts& facts) noexcept
{
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
        return std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
    };
    if (facts.phase == SR_PHASE_COMPLETION) {
        return 1;
    }
    if (facts.pages_total > 0) {
        return share(facts.pages_done, facts.pages_total);
    }
    return facts.octets_total > 0 ? share(facts.octets, facts.octets_total) : -1;
}

const char* phase_name(sr_phase phase) noexcept
{
    switch (phase) {
    case SR_PHASE_SETUP:
        return "setup";
    case SR_PHASE_LIVE:
        return "live";
    case SR_PHASE_MEMORY:
        return "memory";
    case SR_PHASE_COMPLETION:
        return "completion";
    }
    return "?";
}

std::string progress_line(const ProgressFacts& facts, std::size_t columns, bool is_utf8)
{
    const double fraction = fraction_done(facts);
    std::string head = facts.verb + ' ' + facts.name;
    std::string tail;
    std::size_t used = head.size();
    for (const std::string& part : figures(facts, fraction)) {
        if (used + 2 + part.size() > columns) {
            break;
        }
        tail += "  " + part;
        used += 2 + part.size();
    }
    const std::size_t room = columns > used + 2 ? columns - used - 2 : 0;
    if (fraction >= 0 && room >= bar_columns_min) {
        head += "  " + bar(fraction, std::min(room, bar_columns_max), is_utf8);
    }
    return used > columns ? head.substr(0, columns) : head + tail;
}

Json progress_json(const ProgressFacts& facts)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(facts.elapsed).count();
    Json ram = {{"transferred", facts.octets},
                {"normal", facts.pages_sent},
                {"normal-bytes", facts.pages_sent * page_octets},
                {"page-size", page_octets},
                {"mbps", std::round(facts.octets_per_second * 8 / 1e4) / 100}};
    if (facts.pages_total > 0) {
        const auto left = facts.pages_total - std::min(facts.pages_done, facts.pages_total);
        ram["total"] = facts.pages_total * page_octets;
        ram["remaining"] = left * page_octets;
    }
    return {{"event", "progress"},
            {"verb", facts.verb},
            {"domain", facts.name},
            {"status", facts.phase == SR_PHASE_SETUP ? "setup" : "active"},
            {"phase", phase_name(facts.phase)},
            {"round", facts.round},
            {"total-time", ms},
            {"ram", std::move(ram)}};
}

}  // namespace sr
