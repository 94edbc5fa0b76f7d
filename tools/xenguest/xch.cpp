// SPDX-License-Identifier: LGPL-2.1-or-later
// Reaching the logger of an xc_interface.
#include "tools/xenguest/xch.hpp"

#include <xentoollog.h>

#include <algorithm>
#include <cerrno>

extern "C" {
// Of libxenctrl, for libxenguest: exported, but in none of its headers (tools/libs/ctrl/xc_private.h).
void xc_report(xc_interface* xch, xentoollog_logger* logger, xentoollog_level level, int code,
               const char* format, ...) __attribute__((format(printf, 5, 6)));
}

namespace sr::xenguest {
namespace {

/// How a struct xc_interface_core begins, in the libxenctrl whose soname this library links, and in all since 4.0.
struct XchHead {
    int flags;
    xentoollog_logger* logger;
};

const XchHead& head_of(const xc_interface* xch) noexcept
{
    return *static_cast<const XchHead*>(static_cast<const void*>(xch));
}

xentoollog_level level_of(sr_log_level level) noexcept
{
    switch (level) {
    case SR_LOG_DEBUG:
        return XTL_DEBUG;
    case SR_LOG_VERBOSE:
        return XTL_VERBOSE;
    case SR_LOG_INFO:
        return XTL_DETAIL;  // of each round and each checkpoint: nothing that xl shows unasked
    case SR_LOG_WARNING:
        return XTL_WARN;
    case SR_LOG_ERROR:
        break;
    }
    return XTL_ERROR;
}

}  // namespace

void Log::write(sr_log_level level, const char* message) const noexcept
{
    if (head_of(xch_).logger != nullptr) {
        xtl_log(head_of(xch_).logger, level_of(level), -1, "libsr", "%s", message);
    }
}

void Log::progress(const sr_progress& told) const noexcept
{
    if (head_of(xch_).logger != nullptr && told.pages_total != 0) {
        // Pages of a live stream come more than once.
        const auto done = std::min(told.pages_done, told.pages_total);
        xtl_progress(head_of(xch_).logger, "libsr", doing_, done, told.pages_total);
    }
}

int Log::failed(const sr_error& error) const noexcept
{
    return refuse(errno, error.message);
}

int Log::refuse(int errnum, const char* message) const noexcept
{
    errno = errnum;  // which the report tells, too
    if (head_of(xch_).logger != nullptr) {
        xc_report(xch_, head_of(xch_).logger, XTL_ERROR, XC_INTERNAL_ERROR, "%s: %s", doing_,
                  message);
    }
    errno = errnum;
    return -1;
}

Host open_host(xc_interface* xch, sr_error& error) noexcept
{
    sr_host_options options{};
    options.size = sizeof(options);
    if ((static_cast<unsigned>(head_of(xch).flags) & XC_OPENFLAG_NON_REENTRANT) == 0) {
        options.xch = xch;
    }
    sr_host* host = nullptr;
    (void)sr_host_open(&options, &host, &error);
    return {host, &sr_host_close};
}

}  // namespace sr::xenguest
