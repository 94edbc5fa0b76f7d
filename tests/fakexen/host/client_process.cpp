// SPDX-License-Identifier: LGPL-2.1-or-later
// Counting a client's calls, failing those that were asked to fail.
#include "tests/fakexen/host/client_process.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace fakexen {
namespace {

std::string process_name(pid_t process)
{
    std::ifstream comm{"/proc/" + std::to_string(process) + "/comm"};
    std::string name;
    std::getline(comm, name);
    return name.empty() ? "?" : name;
}

/// "ENOMEM" or "12"; 0 for what is neither.
int errno_of(const std::string& text)
{
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) {
        return number;
    }
    constexpr int errno_max = 133;
    for (int candidate = 1; candidate <= errno_max; ++candidate) {
        const char* name = ::strerrorname_np(candidate);
        if (name != nullptr && text == name) {
            return candidate;
        }
    }
    return 0;
}

/// "SIGKILL"; 0 for what is no signal.
int signal_of(const std::string& text)
{
    for (int candidate = 1; candidate < SIGRTMIN; ++candidate) {
        const char* name = ::sigabbrev_np(candidate);
        if (name != nullptr && text == std::string{"SIG"} + name) {
            return candidate;
        }
    }
    return 0;
}

bool parse_cue(const std::string& text, FailCue& cue)
{
    const auto second = text.rfind(':');
    const auto first = second == std::string::npos ? second : text.rfind(':', second - 1);
    if (first == std::string::npos || first == 0) {
        return false;
    }
    cue.call = text.substr(0, first);
    const std::string nth = text.substr(first + 1, second - first - 1);
    const auto parsed = std::from_chars(nth.data(), nth.data() + nth.size(), cue.nth);
    cue.errnum = errno_of(text.substr(second + 1));
    cue.signal = signal_of(text.substr(second + 1));
    return parsed.ec == std::errc{} && cue.nth > 0 && (cue.errnum > 0 || cue.signal > 0);
}

}  // namespace

std::vector<FailCue> parse_fail_cues(const std::string& text, std::vector<std::string>& refused)
{
    std::vector<FailCue> cues;
    std::istringstream parts{text};
    for (std::string part; std::getline(parts, part, ',');) {
        FailCue cue;
        if (parse_cue(part, cue)) {
            cues.push_back(cue);
        } else if (!part.empty()) {
            refused.push_back(part);
        }
    }
    return cues;
}

ClientProcess::ClientProcess(pid_t process, Trace& trace, const Quirks& quirks)
    : process_{process}, name_{process_name(process)}, trace_{trace}, quirks_{quirks}
{
}

void ClientProcess::add_cues(const std::string& text, sr::Logger& log)
{
    if (!cues_.empty()) {
        return;  // each connection of a process brings the same
    }
    replace_cues(text, log);
}

void ClientProcess::replace_cues(const std::string& text, sr::Logger& log)
{
    counts_.clear();
    nr_calls_ = 0;
    std::vector<std::string> refused;
    cues_ = parse_fail_cues(text, refused);
    for (const std::string& part : refused) {
        log.warning("a cue of %s: \"%s\" is not call:nth:errno", name_.c_str(), part.c_str());
    }
}

void ClientProcess::entered(const char* family, const char* call)
{
    const std::string full = *family != '\0' ? std::string{family} + '.' + call : call;
    current_ = full;
    detail_.clear();
    delay_us_ += quirks_.latency_us(full, call);
    const std::uint64_t nth = ++counts_[full];
    ++nr_calls_;
    for (const FailCue& cue : cues_) {
        const bool named = (cue.call == call || cue.call == full) && cue.nth == nth;
        if (!named && (cue.call != "any" || cue.nth != nr_calls_)) {
            continue;
        }
        if (cue.signal == 0) {
            throw Refused{cue.errnum};
        }
        signal_ = cue.signal;
    }
}

// Not a call: "any" does not count it, and it is in no trace.
bool ClientProcess::allocating(const char* what)
{
    const std::uint64_t nth = ++counts_[what];
    return std::none_of(cues_.begin(), cues_.end(), [&](const FailCue& cue) {
        return cue.call == what && cue.nth == nth && cue.signal == 0;
    });
}

void ClientProcess::left(std::int64_t result) noexcept
{
    if (!current_.empty()) {
        trace_.add(process_, name_, {.name = current_, .detail = detail_}, result);
        current_.clear();
        detail_.clear();
        if (signal_ != 0) {
            (void)::kill(process_, std::exchange(signal_, 0));
        }
    }
}

}  // namespace fakexen
