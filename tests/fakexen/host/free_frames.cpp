// SPDX-License-Identifier: LGPL-2.1-or-later
// Shuffling frames and handing them out.
#include "tests/fakexen/host/free_frames.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

namespace fakexen {

FreeFrames::FreeFrames(std::uint64_t nr_frames, std::uint64_t run, std::uint64_t seed)
    : run_{run}, runs_((nr_frames + run - 1) / run),
      ranks_(runs_.size()), free_{runs_.size() * run}, count_{nr_frames}
{
    std::iota(runs_.begin(), runs_.end(), std::uint32_t{0});
    std::mt19937_64 random{seed};
    // Not std::shuffle: its result for a seed differs between standard libraries.
    for (std::size_t left = runs_.size(); left > 1; --left) {
        std::swap(runs_[left - 1], runs_[random() % left]);
    }
    for (std::size_t rank = 0; rank < runs_.size(); ++rank) {
        ranks_[runs_[rank]] = static_cast<std::uint32_t>(rank);
    }
    free_.fill(true);
    for (std::uint64_t index = nr_frames; index % run != 0; ++index) {
        free_.clear(ranks_.back() * run + index % run);  // the last run may be short
    }
}

std::optional<std::uint64_t> FreeFrames::take()
{
    auto place = free_.next_set(next_);
    if (!place) {
        place = free_.next_set(0);
    }
    if (!place) {
        return std::nullopt;
    }
    free_.clear(*place);
    next_ = *place + 1;
    --count_;
    return runs_[*place / run_] * run_ + *place % run_;
}

/// Its place in the order, if this run has such an extent.
std::optional<std::uint64_t> FreeFrames::find_extent(std::uint64_t rank, std::uint64_t size) const
{
    const std::uint64_t first = runs_[rank] * run_;  // by index
    for (std::uint64_t at = (first + size - 1) / size * size; at + size <= first + run_;
         at += size) {
        const std::uint64_t place = rank * run_ + (at - first);
        std::uint64_t free = 0;
        while (free < size && free_.test(place + free)) {
            ++free;
        }
        if (free == size) {
            return place;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> FreeFrames::take_extent(std::uint64_t size)
{
    if (size == 1) {
        return take();
    }
    const std::uint64_t start = next_ / run_;
    for (std::uint64_t i = 0; i < runs_.size() && size <= run_; ++i) {
        const std::uint64_t rank = (start + i) % runs_.size();
        if (const auto place = find_extent(rank, size)) {
            for (std::uint64_t n = 0; n < size; ++n) {
                free_.clear(*place + n);
            }
            next_ = *place + size;
            count_ -= size;
            return runs_[rank] * run_ + *place % run_;
        }
    }
    return std::nullopt;
}

void FreeFrames::give_back(std::uint64_t index)
{
    free_.set(ranks_[index / run_] * run_ + index % run_);
    ++count_;
}

}  // namespace fakexen
