// SPDX-License-Identifier: LGPL-2.1-or-later
// A process that is a client of the host: its calls, traced and failed on cue.
#pragma once

#include "libsr/base/log.hpp"
#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/trace.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fakexen {

/// "call:nth:errno": the nth call of that name fails. The name is "populate_physmap" or "memory_op.populate_physmap".
struct FailCue {
    std::string call;
    std::uint64_t nth = 0;
    int errnum = 0;
};

/// Cues out of $FAKEXEN_FAIL. Unreadable ones are returned in `refused`.
[[nodiscard]] std::vector<FailCue> parse_fail_cues(const std::string& text,
                                                   std::vector<std::string>& refused);

/// One process with all of its connections.
class ClientProcess final : public CallObserver {
public:
    ClientProcess(pid_t process, Trace& trace);

    void add_cues(const std::string& text, sr::Logger& log);
    void entered(const char* family, const char* call) override;
    void left(std::int64_t result) noexcept override;

    [[nodiscard]] pid_t process() const noexcept { return process_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    unsigned nr_connections = 0;
    bool said_bye = false;

private:
    pid_t process_;
    std::string name_;
    Trace& trace_;
    std::string current_;
    std::vector<FailCue> cues_;
    std::map<std::string, std::uint64_t> counts_;
};

}  // namespace fakexen
