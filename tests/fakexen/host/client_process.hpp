// SPDX-License-Identifier: LGPL-2.1-or-later
// A process that is a client of the host: its calls, traced and failed on cue.
#pragma once

#include "libsr/base/log.hpp"
#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/quirks.hpp"
#include "tests/fakexen/host/trace.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace fakexen {

/// "call:nth:errno": the nth call of that name fails. The name is "populate_physmap" or "memory_op.populate_physmap".
/// "call:nth:SIGKILL", or another signal: that call is carried out, and the process gets the signal before the answer.
/// The name "any" counts all calls.
struct FailCue {
    std::string call;
    std::uint64_t nth = 0;
    int errnum = 0;
    int signal = 0;
};

/// Cues out of $FAKEXEN_FAIL. Unreadable ones are returned in `refused`.
[[nodiscard]] std::vector<FailCue> parse_fail_cues(const std::string& text,
                                                   std::vector<std::string>& refused);

/// One process with all of its connections.
class ClientProcess final : public CallObserver {
public:
    ClientProcess(pid_t process, Trace& trace, const Quirks& quirks);

    void add_cues(const std::string& text, sr::Logger& log);
    /// In place of all cues so far; calls are counted from here. @throws nothing, and takes nothing it cannot read
    void replace_cues(const std::string& text, sr::Logger& log);
    void entered(const char* family, const char* call) override;
    void left(std::int64_t result) noexcept override;
    void described(const char* detail) override { detail_ = detail; }
    [[nodiscard]] bool allocating(const char* what) override;

    /// How much later the next answer comes (Quirks::latencies); once.
    [[nodiscard]] std::uint32_t take_delay_us() noexcept { return std::exchange(delay_us_, 0); }

    [[nodiscard]] pid_t process() const noexcept { return process_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    unsigned nr_connections = 0;
    bool said_bye = false;

private:
    pid_t process_;
    std::string name_;
    Trace& trace_;
    const Quirks& quirks_;
    std::string current_;
    std::string detail_;  ///< of the current call
    std::vector<FailCue> cues_;
    std::map<std::string, std::uint64_t> counts_;
    std::uint64_t nr_calls_ = 0;
    std::uint32_t delay_us_ = 0;
    int signal_ = 0;  ///< what the process gets when the current call is over
};

}  // namespace fakexen
