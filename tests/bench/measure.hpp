// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stretch of a program costs: time, processor time here and in the fake host, and what was counted.
#pragma once

#include <cstdint>

namespace sr::bench {

/// Resources used so far.
struct Usage {
    std::uint64_t wall_ns;
    std::uint64_t user_ns;
    std::uint64_t system_ns;
    std::uint64_t host_ns;   ///< processor time of the process that SR_BENCH_HOST_PID names
    std::uint64_t switches;  ///< times this process waited for another
};

[[nodiscard]] Usage usage_now();

/// Looks how much memory of its own (RssAnon) the process has now; print() tells the most that was seen.
void look_at_memory();

/// Measures from its making to print(). Counts too, if the counting library is preloaded.
class Measure {
public:
    Measure();
    /// Prints one line of JSON.
    void print() const;

private:
    Usage begin_;
    std::uint64_t begin_kib_;
};

}  // namespace sr::bench
