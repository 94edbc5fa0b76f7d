// SPDX-License-Identifier: LGPL-2.1-or-later
// A process at the other end of a pipe.
#pragma once

#include "libsr/base/fd.hpp"

#include <string>
#include <sys/types.h>

namespace sr::bench {

/// Owns our end of a pipe and the child at the other. The child ends when the pipe does, or when we close it.
class PipePeer {
public:
    /// Reads what we write, and drops it. @param size  of the pipe; 0: as it comes
    [[nodiscard]] static PipePeer draining(int size = 0);
    /// Writes a file, from memory it has mapped beforehand. @param size  as above
    [[nodiscard]] static PipePeer feeding(const std::string& file, int size = 0);

    PipePeer(PipePeer&& other) noexcept;
    PipePeer& operator=(PipePeer&& other) = delete;
    PipePeer(const PipePeer&) = delete;
    PipePeer& operator=(const PipePeer&) = delete;
    ~PipePeer();

    [[nodiscard]] int fd() const noexcept { return ours_.get(); }

private:
    PipePeer(Fd ours, pid_t child) noexcept : ours_{std::move(ours)}, child_{child} {}

    Fd ours_;
    pid_t child_;
};

}  // namespace sr::bench
