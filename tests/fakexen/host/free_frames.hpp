// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frames of a machine are free, and in which order they are handed out.
#pragma once

#include "libsr/base/bitmap.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace fakexen {

/// All frames in an order that is shuffled once, by runs that stay together. It is gone through round and round, so that
/// frames which were given back are handed out in runs again, and not at once.
class FreeFrames {
public:
    /// All of them free. @param run  frames that stay together, at least 1
    FreeFrames(std::uint64_t nr_frames, std::uint64_t run, std::uint64_t seed);

    /// The next free frame by its index, which is free no more; none when there is none.
    [[nodiscard]] std::optional<std::uint64_t> take();
    /// The first of `size` free frames in a row, a power of two that it is a multiple of; all free no more. Runs are what memory
    /// is not fragmented into: frames of different ones are never taken for neighbours.
    [[nodiscard]] std::optional<std::uint64_t> take_extent(std::uint64_t size);
    void give_back(std::uint64_t index);
    /// Begins anew with the first in the order.
    void rewind() noexcept { next_ = 0; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
    [[nodiscard]] std::optional<std::uint64_t> find_extent(std::uint64_t rank,
                                                           std::uint64_t size) const;

    std::uint64_t run_;
    std::vector<std::uint32_t> runs_;   ///< by rank in the order: number of the run
    std::vector<std::uint32_t> ranks_;  ///< the reverse
    sr::Bitmap free_;                   ///< by place in the order
    std::uint64_t next_ = 0;            ///< place to go on at
    std::uint64_t count_;
};

}  // namespace fakexen
