// SPDX-License-Identifier: LGPL-2.1-or-later
// Running a program and seeing what it says.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sr::test {

using Environment = std::map<std::string, std::string>;

/// How a command ended.
struct Ended {
    int status = -1;     ///< exit code, or 128 + signal; -1: it had to be killed after its time
    std::string out;     ///< what it wrote to stdout
    std::string errors;  ///< to stderr

    /// Everything, for a failed test's message.
    [[nodiscard]] std::string all() const;
};

/// Runs a command to its end. argv[0] is a path, or looked for in PATH.
/// @param more  set on top of this process' environment
[[nodiscard]] Ended run_command(const std::vector<std::string>& argv, const Environment& more = {},
                                std::chrono::seconds patience = std::chrono::seconds{60});

/// Where a command's standard streams go, in place of /dev/null and files that wait() reads.
struct Streams {
    int in = -1;
    int out = -1;
    std::string terminal{};  ///< all three; the command leads a session whose terminal this is
};

/// A command that runs. Killed, if it still does, when this goes.
class Running {
public:
    explicit Running(const std::vector<std::string>& argv, const Environment& more = {},
                     const Streams& streams = {});
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;
    /// Waits for its end; kills it after that time.
    [[nodiscard]] Ended wait(std::chrono::seconds patience = std::chrono::seconds{60});

private:
    class Output;
    std::unique_ptr<Output> output_;
    pid_t pid_ = -1;
};

/// A path in the build directory: $SR_TOP_BUILDDIR, else the current directory.
[[nodiscard]] std::string in_build(const std::string& path);

/// A directory that goes, with all in it, when this does.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

}  // namespace sr::test
