// SPDX-License-Identifier: LGPL-2.1-or-later
// What libxl asks of a save helper: the command line.
#pragma once

#include "tools/save-helper/messages.hpp"

#include <cstdint>
#include <span>

namespace sr {

struct Invocation {
    bool is_restore = false;
    int io_fd = -1;
    int back_channel_fd = -1;  ///< -1: none
    std::uint32_t domid = 0;
    std::uint32_t save_flags = 0;  ///< save: bit 0 live, bit 1 debug
    std::uint32_t store_evtchn = 0;
    std::uint32_t store_domid = 0;
    std::uint32_t console_evtchn = 0;
    std::uint32_t console_domid = 0;
    std::uint32_t callbacks = 0;    ///< set of 1 << HelperMessage
    std::uint32_t stream_type = 0;  ///< enum sr_stream_type has libxl's numbers

    [[nodiscard]] bool provides(HelperMessage callback) const noexcept
    {
        return ((callbacks >> static_cast<unsigned>(callback)) & 1U) != 0;
    }
};

/// Reads a command line, the program's name left out.
/// @throws Error{usage} if it is not one that libxl makes
[[nodiscard]] Invocation parse_invocation(std::span<const char* const> arguments);

}  // namespace sr
