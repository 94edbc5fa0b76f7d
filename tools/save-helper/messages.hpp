// SPDX-License-Identifier: LGPL-2.1-or-later
// What a save helper says to libxl: the octets of each message, as Xen 4.17's libxl reads them.
#pragma once

#include "libsr/base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace sr {

/// Numbers of the messages. Those from `suspend` to `restore_results` are also bits (1 << number) of the flags that
/// tell a helper what libxl provides.
enum class HelperMessage : std::uint16_t {
    log = 1,
    progress = 2,
    suspend = 3,
    postcopy = 4,
    checkpoint = 5,
    wait_checkpoint = 6,
    switch_qemu_logdirty = 7,
    static_data_done = 8,
    restore_results = 9,
    complete = 10,
};

/// xentoollog_level of <xentoollog.h>. xl shows what is at least `progress`; each -v takes one off that.
enum class XtlLevel : std::uint32_t {
    debug = 1,
    verbose = 2,
    detail = 3,
    progress = 4,
    info = 5,
    notice = 6,
    warning = 7,
    error = 8,
};

/// An errno value for messages that have none.
constexpr std::uint32_t no_errno = 0xffff'ffff;

/// Each of these is one whole message, its length in front. Numbers are in the machine's own order: both ends are on
/// one machine.
/// @param text  cut off where the message would not fit its 16-bit length
[[nodiscard]] Octets log_message(XtlLevel level, std::uint32_t errnum, std::string_view context,
                                 std::string_view text);
[[nodiscard]] Octets progress_message(std::string_view context, std::string_view doing,
                                      std::uint64_t done, std::uint64_t total);
/// suspend, postcopy, checkpoint or wait_checkpoint, which have no arguments.
[[nodiscard]] Octets bare_message(HelperMessage type);
[[nodiscard]] Octets switch_qemu_logdirty_message(std::uint32_t domid, bool enable);
[[nodiscard]] Octets static_data_done_message(std::uint32_t missing);
[[nodiscard]] Octets restore_results_message(std::uint64_t store_gfn, std::uint64_t console_gfn);
[[nodiscard]] Octets complete_message(int result, int errnum);

}  // namespace sr
