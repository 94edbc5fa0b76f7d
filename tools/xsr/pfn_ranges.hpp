// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame numbers as ranges: few in memory and few on the screen, however many pages they are.
#pragma once

#include "tools/xsr/console.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sr {

/// Numbers added in rising order. Counts all, keeps the first ranges.
class PfnRanges {
public:
    void add(std::uint64_t pfn);

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    /// "0x10..0x1f, 0x44 and 3 more": of at most so many ranges
    [[nodiscard]] std::string text(std::size_t ranges_max) const;
    /// {"count": 17, "ranges": [[16, 31], [68, 68]]}, and "truncated" if not all are there
    [[nodiscard]] Json json() const;

private:
    static constexpr std::size_t ranges_kept = 100'000;

    std::uint64_t count_ = 0;
    std::uint64_t kept_ = 0;  ///< numbers that the ranges hold
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;
};

}  // namespace sr
