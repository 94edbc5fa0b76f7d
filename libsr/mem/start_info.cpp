// SPDX-License-Identifier: LGPL-2.1-or-later
// Rewriting start_info.
#include "libsr/mem/start_info.hpp"

#include "libsr/base/error.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// The frame of a pfn that start_info names. Of its type nothing is asked but that it is a page: rings are ordinary ones,
/// but the guest's affair.
Mfn frame_of(std::uint64_t pfn, const RestoreP2m& p2m, const char* what)
{
    const std::optional<Mfn> mfn = p2m.mfn_of(Pfn{pfn});
    const std::optional<PageType> type = p2m.type_of(Pfn{pfn});
    const bool is_gone = type && !needs_frame(*type) && *type != PageType::broken;
    if (!mfn || is_gone) {
        throw Error{Errc::malformed, "start_info: the %s pfn %#" PRIx64 " has no frame", what, pfn}
            .with_pfn(pfn);
    }
    return *mfn;
}

StartInfoFrames frames_of(std::span<const std::byte, page_size> page, const GuestAbi& abi,
                          const RestoreP2m& p2m)
{
    return {frame_of(load_field(page, abi.start_info.store_mfn), p2m, "xenstore"),
            frame_of(load_field(page, abi.start_info.console_mfn), p2m, "console")};
}

}  // namespace

void check_start_info(std::span<const std::byte, page_size> page, const GuestAbi& abi,
                      const RestoreP2m& p2m)
{
    (void)frames_of(page, abi, p2m);
}

StartInfoFrames localise_start_info(std::span<std::byte, page_size> page, const GuestAbi& abi,
                                    const RestoreP2m& p2m, const StartInfoValues& values)
{
    const StartInfoLayout& at = abi.start_info;
    const StartInfoFrames frames = frames_of(page, abi, p2m);
    store_field(page, at.shared_info, values.shared_info.number() * page_size);
    store_field(page, at.store_mfn, frames.store.number());
    store_field(page, at.store_evtchn, values.store_evtchn);
    store_field(page, at.console_mfn, frames.console.number());
    store_field(page, at.console_evtchn, values.console_evtchn);
    store_field(page, at.nr_pages, p2m.highest() ? p2m.highest()->number() + 1 : 0);
    store_field(page, at.flags, 0);
    return frames;
}

}  // namespace sr
