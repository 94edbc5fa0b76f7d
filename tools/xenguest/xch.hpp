// SPDX-License-Identifier: LGPL-2.1-or-later
// What a caller's xc_interface is good for here: its log, and whether libsr may work on it.
#pragma once

#include "sr.h"

extern "C" {  // they do not say so themselves
#include <xenctrl.h>
#include <xenguest.h>
}

#include <memory>

namespace sr::xenguest {

/// Logs and reports progress as libxenctrl does: to the logger that the interface was opened with. Errors can be had by
/// xc_get_last_error(), too.
class Log {
public:
    /// Borrows xch. @param doing  what progress is told of
    Log(xc_interface* xch, const char* doing) noexcept : xch_{xch}, doing_{doing} {}

    void write(sr_log_level level, const char* message) const noexcept;
    void progress(const sr_progress& told) const noexcept;
    /// Logs why a call failed. @return -1, with errno as it was
    int failed(const sr_error& error) const noexcept;
    /// The same, of an argument. @return -1, with errno set
    int refuse(int errnum, const char* message) const noexcept;

private:
    xc_interface* xch_;
    const char* doing_;
};

using Host = std::unique_ptr<sr_host, void (*)(sr_host*)>;

/// The host of a caller's interface; one of its own if that interface is for one thread only. Null, with `error` filled
/// in and errno set, if there is none.
[[nodiscard]] Host open_host(xc_interface* xch, sr_error& error) noexcept;

}  // namespace sr::xenguest
