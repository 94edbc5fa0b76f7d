// SPDX-License-Identifier: LGPL-2.1-or-later
// start_info of a restored guest: what tells it where its new host put things.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sr {

/// What the destination knows and start_info is to say.
struct StartInfoValues {
    Mfn shared_info;             ///< the domain's shared_info frame
    std::uint32_t store_evtchn;  ///< ports that the toolstack bound
    std::uint32_t console_evtchn;
};

/// The frames behind the pfns that start_info named: what the toolstack tells xenstored and the
/// console.
struct StartInfoFrames {
    Mfn store;
    Mfn console;
};

/// Whether it can be rewritten so. @param page  as the stream brought it @throws Error{malformed} as below
void check_start_info(std::span<const std::byte, page_size> page, const GuestAbi& abi,
                      const RestoreP2m& p2m);

/// Rewrites start_info as the stream brought it: xenstore's and the console's pfns become mfns,
/// nr_pages what the p2m covers, flags 0.
///
/// @param page  the domain's start_info, in its frame or a copy. Written only if all is well
/// @throws Error{malformed} if a pfn in it is past the end, has no frame, or is to lose it
StartInfoFrames localise_start_info(std::span<std::byte, page_size> page, const GuestAbi& abi,
                                    const RestoreP2m& p2m, const StartInfoValues& values);

}  // namespace sr
