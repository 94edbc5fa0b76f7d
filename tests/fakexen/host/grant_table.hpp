// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's grant table: version 1 shared frames, enough for a toolstack to seed console and store.
#pragma once

#include "tests/fakexen/host/machine.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace fakexen {

/// The frames of a grant table. They are Xen's own pages, shared with the domain; who makes them is the hypervisor.
class GrantTable {
public:
    static constexpr std::uint32_t default_max_frames = 64;

    void set_max_frames(std::uint32_t frames) noexcept { max_frames_ = frames; }
    [[nodiscard]] std::uint32_t max_frames() const noexcept { return max_frames_; }
    [[nodiscard]] std::uint32_t version() const noexcept { return 1; }

    [[nodiscard]] const std::vector<Mfn>& shared_frames() const noexcept { return shared_; }
    void add_shared_frame(Mfn mfn) { shared_.push_back(mfn); }
    [[nodiscard]] std::vector<Mfn> release_frames() noexcept { return std::exchange(shared_, {}); }

private:
    std::uint32_t max_frames_ = default_max_frames;
    std::vector<Mfn> shared_;
};

}  // namespace fakexen
