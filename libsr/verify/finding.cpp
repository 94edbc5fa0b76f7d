// SPDX-License-Identifier: LGPL-2.1-or-later
// Collecting findings.
#include "libsr/verify/finding.hpp"

#include <cstdarg>
#include <cstdio>
#include <utility>

namespace sr {
namespace {

__attribute__((format(printf, 1, 0))) std::string formatted(const char* format, std::va_list args)
{
    char text[512];
    (void)std::vsnprintf(text, sizeof(text), format, args);
    return text;
}

}  // namespace

const char* to_string(FindingKind kind) noexcept
{
    switch (kind) {
    case FindingKind::framing:
        return "framing";
    case FindingKind::malformed:
        return "malformed";
    case FindingKind::order:
        return "order";
    case FindingKind::reserved:
        return "reserved";
    case FindingKind::padding:
        return "padding";
    case FindingKind::unknown:
        return "unknown";
    case FindingKind::semantic:
        return "semantic";
    case FindingKind::trailing:
        return "trailing";
    case FindingKind::unsupported:
        return "unsupported";
    }
    return "unknown";
}

const char* to_string(Severity severity) noexcept
{
    return severity == Severity::error ? "error" : "deviation";
}

void Findings::deviation(FindingKind kind, const char* format, ...)
{
    std::va_list args;
    va_start(args, format);
    add(kind, Severity::deviation, formatted(format, args));
    va_end(args);
}

void Findings::error(FindingKind kind, const char* format, ...)
{
    std::va_list args;
    va_start(args, format);
    add(kind, Severity::error, formatted(format, args));
    va_end(args);
}

void Findings::error(FindingKind kind, const Error& e)
{
    std::string sentence = e.what();
    const auto place_before = place_;
    if (e.place()) {
        place_ = e.place();
        // "record 17 PAGE_DATA at offset 0x2a40: what": the place is the finding's own.
        const auto offset = sentence.find(" at offset 0x");
        const auto colon = sentence.find(": ", offset == std::string::npos ? 0 : offset);
        if (offset != std::string::npos && colon != std::string::npos) {
            sentence.erase(0, colon + 2);
        }
    }
    add(kind, Severity::error, std::move(sentence));
    place_ = place_before;
}

void Findings::add(FindingKind kind, Severity severity, std::string sentence)
{
    ++(severity == Severity::error ? nr_errors_ : nr_deviations_);
    if (kept_.size() < most_) {
        kept_.push_back(Finding{kind, severity, place_, std::move(sentence)});
    }
}

}  // namespace sr
