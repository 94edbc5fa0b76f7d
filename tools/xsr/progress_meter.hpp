// SPDX-License-Identifier: LGPL-2.1-or-later
// Shows where a save or restore stands: a bar that is redrawn, or a JSON line a second.
#pragma once

#include "tools/xsr/console.hpp"
#include "tools/xsr/progress_line.hpp"

#include <chrono>

namespace sr {

class ProgressMeter {
public:
    /// @param octets_total  length of the stream if it is known beforehand, else 0
    ProgressMeter(Console& console, std::string domain_name, std::uint64_t octets_total);

    /// Takes the engine's figures; shows them if it is time to.
    void update(const sr_progress& progress);
    /// Says what is waited for where there are no figures: a line in place of the bar, or an event.
    void announce(const char* event, const std::string& sentence);
    /// The last figures.
    [[nodiscard]] const ProgressFacts& facts() const noexcept { return facts_; }

private:
    using Clock = std::chrono::steady_clock;

    void measure_rate(std::chrono::nanoseconds now);
    void show();

    Console& console_;
    ProgressMode mode_;
    bool is_utf8_;
    ProgressFacts facts_;
    Clock::time_point last_shown_{};
    std::chrono::nanoseconds rate_since_{0};
    std::uint64_t rate_octets_ = 0;
};

}  // namespace sr
