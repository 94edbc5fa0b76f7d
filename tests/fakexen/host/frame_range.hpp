// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frame numbers a host uses: a range that no other host on this machine uses, beyond any guest's pfns.
#pragma once

#include "libsr/base/fd.hpp"

#include <cstdint>
#include <string>

namespace fakexen {

/// A range of frame numbers, ours for as long as this lives.
struct FrameRange {
    std::uint64_t first_mfn = 0;
    sr::Fd lock;  ///< holds locks on a file in which an octet stands for 64 Ki frames
};

/// Picks a range for nr_frames. The host's directory decides where to look first, so that a host that starts after
/// another one ended has other numbers, too. The start is never below nr_frames, so no mfn is a pfn of a guest.
/// @throws Error{io}
[[nodiscard]] FrameRange claim_frame_range(const std::string& directory, std::uint64_t nr_frames);

}  // namespace fakexen
