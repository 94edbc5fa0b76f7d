// SPDX-License-Identifier: LGPL-2.1-or-later
// One moment of a save or restore as a line: for a terminal, or as JSON. Pure; the clock is passed
// in.
#pragma once

#include "sr.h"
#include "tools/xsr/json.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sr {

/// What a line is made from.
struct ProgressFacts {
    std::string verb;  ///< "save"
    std::string name;  ///< of the domain
    sr_phase phase = SR_PHASE_SETUP;
    std::uint32_t round = 0;
    std::uint64_t pages_done = 0;
    std::uint64_t pages_total = 0;  ///< 0: not known
    std::uint64_t pages_sent = 0;   ///< pages with contents
    std::uint64_t octets = 0;
    std::uint64_t octets_total = 0;  ///< 0: not known. A file's size, on restore.
    std::chrono::nanoseconds elapsed{0};
    double octets_per_second = 0;  ///< recent
    std::uint64_t stale_tables = 0;
    std::chrono::nanoseconds stale_types_time{0};  ///< 0: stale types were not looked for
};

/// How much is done, from 0 to 1; negative if that cannot be known.
[[nodiscard]] double fraction_done(const ProgressFacts& facts) noexcept;

/// "save web  ━━━━━━━━━━╌╌╌╌╌╌╌╌  47 %  3,012 pages  11.8 MiB  812 MiB/s  0:03 left", of at most
/// `columns` columns: parts are left out from the right when there is no room, then the bar.
[[nodiscard]] std::string progress_line(const ProgressFacts& facts, std::size_t columns,
                                        bool is_utf8);

/// The same for programs; members are named as QEMU's query-migrate names them.
[[nodiscard]] Json progress_json(const ProgressFacts& facts);

/// "setup", "live", "memory", "completion"
[[nodiscard]] const char* phase_name(sr_phase phase) noexcept;

}  // namespace sr
