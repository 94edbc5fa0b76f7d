// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine's messages and progress, for xl's log.
#pragma once

#include "sr.h"
#include "tools/save-helper/libxl_link.hpp"
#include "tools/save-helper/messages.hpp"

#include <string>
#include <string_view>

namespace sr {

/// Before each message of ours in xl's log.
constexpr std::string_view log_context = "libsr";

/// Where the engine's words stand for xl, which shows info and above without a -v, detail with the first: a save of which
/// all is well says nothing without one, however many checkpoints it has.
[[nodiscard]] XtlLevel xtl_level_of(sr_log_level level) noexcept;

/// Makes progress messages of progress, at most one for each percent of a pass over memory.
class ProgressThrottle {
public:
    explicit ProgressThrottle(bool is_restore) noexcept : is_restore_{is_restore} {}

    /// The message to send now; empty: none.
    [[nodiscard]] Octets next(const sr_progress& progress);

private:
    [[nodiscard]] std::string label_of(const sr_progress& progress) const;

    bool is_restore_;
    std::string label_;
    std::uint64_t percent_ = 0;
};

class Relay {
public:
    Relay(LibxlLink& libxl, bool is_restore) noexcept : libxl_{libxl}, throttle_{is_restore} {}

    void set_least_level(sr_log_level level) noexcept { least_ = level; }
    /// A word of the engine.
    void log(sr_log_level level, std::string_view text) noexcept;
    /// What xl shows without a -v: the helper's own word.
    void announce(std::string_view text) noexcept;
    void progress(const sr_progress& progress) noexcept;
    [[nodiscard]] bool has_progressed() const noexcept { return has_progressed_; }

private:
    void tell(XtlLevel level, std::string_view text) noexcept;

    LibxlLink& libxl_;
    ProgressThrottle throttle_;
    sr_log_level least_ = SR_LOG_DEBUG;
    bool has_progressed_ = false;
};

}  // namespace sr
