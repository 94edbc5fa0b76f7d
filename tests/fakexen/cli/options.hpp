// SPDX-License-Identifier: LGPL-2.1-or-later
// What the fakexen command was told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fakexen::cli {

/// Exit codes of `fakexen`. `run` exits with the command's own code unless the host found leaks.
enum class ExitCode : int {
    success = 0,
    failure = 1,  ///< it could not be done; a message says why
    usage = 2,
    leaks = 97,  ///< the host stopped and something was left over
};

/// Options of `start` and `run`.
struct StartOptions {
    std::string host{};
    std::string memory = "2G";
    std::string shuffle = "page";
    std::string trace_file{};
    std::string guest_program{};
    std::vector<std::string> quirks{};
    std::uint64_t seed = 1;
    bool step_mode = false;
    bool foreground = false;
    bool no_xsave = false;
    bool resident = false;
    bool strict = false;  ///< domains that are still there count as leaks
    std::vector<std::string> command{};
};

/// `fakexen start`: a host in the background, ready when this returns.
int start(const StartOptions& options);
/// `fakexen run`: a host for as long as a command lives.
int run(const StartOptions& options);

/// Options of the commands that talk to a host.
struct ControlOptions {
    std::string host{};
    std::uint64_t domid = 0;
    std::uint64_t steps = 1;
    std::string mfn{};
    std::uint64_t process = 0;
    std::string cues{};
    bool json = false;
    bool strict = false;
};

int list(const ControlOptions& options);
int show(const ControlOptions& options);
int frame(const ControlOptions& options);
int adopt(const ControlOptions& options);
int step(const ControlOptions& options);
int calls(const ControlOptions& options);
int fail(const ControlOptions& options);
int stop(const ControlOptions& options);

}  // namespace fakexen::cli
