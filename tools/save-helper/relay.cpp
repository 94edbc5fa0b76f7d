// SPDX-License-Identifier: LGPL-2.1-or-later
// Levels, and words for what is in progress.
#include "tools/save-helper/relay.hpp"

#include <exception>

namespace sr {

XtlLevel xtl_level_of(sr_log_level level) noexcept
{
    switch (level) {
    case SR_LOG_DEBUG:
        return XtlLevel::debug;
    case SR_LOG_VERBOSE:
        return XtlLevel::verbose;
    case SR_LOG_INFO:
        return XtlLevel::detail;
    case SR_LOG_WARNING:
        return XtlLevel::warning;
    case SR_LOG_ERROR:
        break;
    }
    return XtlLevel::error;
}

std::string ProgressThrottle::label_of(const sr_progress& progress) const
{
    if (progress.phase == SR_PHASE_LIVE) {
        return "Frames, round " + std::to_string(progress.round + 1);
    }
    return is_restore_ ? "Frames restored" : "Frames";
}

Octets ProgressThrottle::next(const sr_progress& progress)
{
    const bool is_memory = progress.phase == SR_PHASE_LIVE || progress.phase == SR_PHASE_MEMORY;
    if (!is_memory || progress.pages_total == 0) {
        return {};
    }
    std::string label = label_of(progress);
    const std::uint64_t percent = progress.pages_done * 100 / progress.pages_total;
    if (label == label_ && percent == percent_) {
        return {};
    }
    label_ = std::move(label);
    percent_ = percent;
    return progress_message(log_context, label_, progress.pages_done, progress.pages_total);
}

void Relay::log(sr_log_level level, std::string_view text) noexcept
{
    if (level >= least_) {
        tell(xtl_level_of(level), text);
    }
}

void Relay::announce(std::string_view text) noexcept
{
    if (SR_LOG_INFO >= least_) {
        tell(XtlLevel::info, text);
    }
}

void Relay::tell(XtlLevel level, std::string_view text) noexcept
{
    try {
        libxl_.tell(log_message(level, no_errno, log_context, text));
    } catch (const std::exception&) {
        // No memory for a message: it is lost.
    }
}

void Relay::progress(const sr_progress& progress) noexcept
{
    has_progressed_ = true;
    try {
        if (const Octets message = throttle_.next(progress); !message.empty()) {
            libxl_.tell(message);
        }
    } catch (const std::exception&) {
        // The next one will say more.
    }
}

}  // namespace sr
