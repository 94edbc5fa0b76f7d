// SPDX-License-Identifier: LGPL-2.1-or-later
// What the counting library (count.cpp), preloaded into a run, has counted.
#pragma once

#include <cstdint>

namespace sr::bench {

/// Calls made by an engine and libxenctrl between the two marks. What the fake libraries do
/// themselves is not in it: on Xen it would be something else.
struct Counts {
    std::uint64_t allocations;   ///< malloc, calloc, realloc, operator new
    std::uint64_t stream_calls;  ///< read, readv, write, writev, poll
    std::uint64_t hypercalls;    ///< one ioctl each on Xen
    std::uint64_t mappings;      ///< of foreign frames: mmap and ioctl on Xen, later a munmap
    /// Octets of the stream read into, or written from, memory of the engine's own. All others went straight into, or
    /// came straight from, guest memory.
    std::uint64_t buffered_octets;
};

/// Of the counting library.
using StartCounting = void (*)();
using StopCounting = Counts (*)();
inline constexpr const char* start_counting_name = "sr_bench_start_counting";
inline constexpr const char* stop_counting_name = "sr_bench_stop_counting";

}  // namespace sr::bench
