// SPDX-License-Identifier: LGPL-2.1-or-later
// A save helper as libxl starts it, and the conversation with it.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/fd.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sr::test {

/// One message of a helper.
struct HelperSays {
    std::string name;  ///< "suspend", "complete" …; "number 77" if libxl knows no such message
    std::uint32_t level = 0;  ///< of a log message
    std::string context;
    std::string text;
    std::vector<std::uint64_t> numbers;  ///< the other arguments, in their order; int ones as such
    bool wants_answer = false;

    /// In one line, for people and tests.
    [[nodiscard]] std::string line() const;
};

/// Knows nothing of what the helper does, nor of whose it is.
class HelperProcess {
public:
    /// @param arguments  those after the stream's two descriptors
    /// @param more  "NAME=VALUE", on top of this process' environment
    HelperProcess(const std::string& program, const std::string& mode, int stream_fd,
                  const std::vector<std::uint64_t>& arguments,
                  const std::vector<std::string>& more);
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;
    ~HelperProcess();

    /// The next message, read by its length. @return false at the end of what it says
    /// @throws std::runtime_error if the message is not one of the protocol, or does not come in time
    [[nodiscard]] bool next(HelperSays& says);
    /// Whether it says nothing for that time.
    [[nodiscard]] bool is_silent(int for_ms) const;
    void answer(int value) const;
    /// As if libxl was gone.
    void close_pipes();
    void signal(int number) const;
    /// "exit 0", "signal 9"; "still there", killed then, if it does not end in time.
    [[nodiscard]] std::string wait();

private:
    [[nodiscard]] bool read_exactly(void* to, std::size_t n) const;

    Fd answers_;
    Fd messages_;
    pid_t pid_ = -1;
};

}  // namespace sr::test
