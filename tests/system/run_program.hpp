// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a program of the build and keeps what it says.
#pragma once

#include <string>
#include <vector>

namespace sr::test {

struct Outcome {
    int status = -1;  ///< of exit(); 128 + signal if it was killed
    std::string out;
    std::string err;
};

/// Runs $SR_TOP_BUILDDIR/<arguments[0]> with `input` on a pipe as standard input.
[[nodiscard]] Outcome run_program(const std::vector<std::string>& arguments,
                                  const std::string& input = {});

/// A directory that goes away with this object.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& octets) const;

private:
    std::string path_;
};

}  // namespace sr::test
