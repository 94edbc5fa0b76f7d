// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls that a host was asked, for `fakexen calls` and --trace.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <sys/types.h>

namespace fakexen {

/// A call by its name; with what is worth knowing of its arguments, or nothing.
struct TracedCall {
    const std::string& name;
    const std::string& detail;
};

/// Lines "number process program call = result", some with " (detail)" after it. Keeps the last ones, writes all to the trace file if there is one.
class Trace {
public:
    static constexpr std::size_t nr_kept = 20'000;

    Trace() = default;
    /// @return false if the file cannot be written
    [[nodiscard]] bool open(const std::string& path);
    void add(pid_t process, const std::string& program, const TracedCall& call,
             std::int64_t result) noexcept;
    [[nodiscard]] const std::deque<std::string>& lines() const noexcept { return lines_; }

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
    std::deque<std::string> lines_;
    std::uint64_t number_ = 0;
};

}  // namespace fakexen
