// SPDX-License-Identifier: LGPL-2.1-or-later
// How far a save or restore has come.
#pragma once

#include <cstdint>

namespace sr {

/// Mirrors enum sr_phase of sr.h.
enum class Phase : std::uint8_t { setup, live, memory, completion };

struct Progress {
    Phase phase = Phase::setup;
    std::uint32_t round = 0;        ///< passes over memory before this one
    std::uint64_t pages_done = 0;   ///< of this pass: pfns looked at (save) or arrived (restore)
    std::uint64_t pages_total = 0;  ///< of this pass; 0 if it cannot be known
    std::uint64_t pages_sent = 0;   ///< pages with contents, of the whole job
    std::uint64_t stream_octets = 0;
    std::uint64_t stale_tables = 0;    ///< found and sent as ordinary memory (save/stale_types.hpp)
    std::uint64_t stale_types_ns = 0;  ///< of the time that the guest stood still, to find them
};

}  // namespace sr
