// SPDX-License-Identifier: LGPL-2.1-or-later
// When and where progress is shown; what it looks like is progress_line.cpp's.
#include "tools/xsr/progress_meter.hpp"

#include <langinfo.h>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sr {
namespace {

using namespace std::chrono_literals;

constexpr auto bar_period = 100ms;
constexpr auto json_period = 1000ms;
constexpr auto rate_window = 500ms;

std::size_t terminal_columns() noexcept
{
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 80;
    }
    return size.ws_col;
}

}  // namespace

ProgressMeter::ProgressMeter(Console& console, std::string domain_name, std::uint64_t octets_total)
    : console_{console}, mode_{console.progress_mode()}, is_utf8_{std::string_view{::nl_langinfo(
                                                                      CODESET)} == "UTF-8"}
{
    facts_.verb = console.verb();
    facts_.name = std::move(domain_name);
    facts_.octets_total = octets_total;
}

void ProgressMeter::update(const sr_progress& progress)
{
    const bool has_new_phase = facts_.phase != progress.phase || facts_.round != progress.round;
    facts_.phase = progress.phase;
    facts_.round = progress.round;
    facts_.pages_done = progress.pages_done;
    facts_.pages_total = progress.pages_total;
    facts_.pages_sent = progress.pages_sent;
    facts_.octets = progress.stream_octets;
    facts_.elapsed = std::chrono::nanoseconds{static_cast<std::int64_t>(progress.elapsed_ns)};
    facts_.stale_tables = progress.stale_tables;
    facts_.stale_types_time =
        std::chrono::nanoseconds{static_cast<std::int64_t>(progress.stale_types_ns)};
    measure_rate(facts_.elapsed);
    const auto now = Clock::now();
    const auto period =
        mode_ == ProgressMode::json ? Clock::duration{json_period} : Clock::duration{bar_period};
    if (has_new_phase || now - last_shown_ >= period) {
        last_shown_ = now;
        show();
    }
}

void ProgressMeter::announce(const char* event, const std::string& sentence)
{
    if (mode_ == ProgressMode::json) {
        console_.event({{"event", event}, {"verb", facts_.verb}, {"domain", facts_.name}});
    } else if (mode_ == ProgressMode::bar) {
        console_.draw(facts_.verb + ' ' + facts_.name + "  " + sentence);
    }
}

/// The rate of the last window; before the first is over, the average so far.
void ProgressMeter::measure_rate(std::chrono::nanoseconds now)
{
    const auto passed = now - rate_since_;
    const double seconds = std::chrono::duration<double>(passed).count();
    const bool is_first_window = rate_since_.count() == 0;
    if (seconds <= 0 || (!is_first_window && passed < rate_window)) {
        return;
    }
    facts_.octets_per_second = static_cast<double>(facts_.octets - rate_octets_) / seconds;
    if (passed >= rate_window) {
        rate_since_ = now;
        rate_octets_ = facts_.octets;
    }
}

void ProgressMeter::show()
{
    switch (mode_) {
    case ProgressMode::json:
        console_.event(progress_json(facts_));
        break;
    case ProgressMode::bar:
        console_.draw(progress_line(facts_, terminal_columns(), is_utf8_));
        break;
    case ProgressMode::automatic:
    case ProgressMode::none:
        break;
    }
}

}  // namespace sr
