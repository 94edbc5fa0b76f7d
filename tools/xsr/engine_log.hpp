// SPDX-License-Identifier: LGPL-2.1-or-later
// What save and restore share around sr.h: the host handle, and messages of the engine.
#pragma once

#include "sr.h"
#include "tools/xsr/console.hpp"

#include <memory>

namespace sr {

struct CloseHost {
    void operator()(sr_host* host) const noexcept { sr_host_close(host); }
};
using Host = std::unique_ptr<sr_host, CloseHost>;

/// A failure that sr.h reported, on its way to the place that knows what it means for the guest.
class EngineFailure : public std::exception {
public:
    explicit EngineFailure(const sr_error& error) noexcept : error_{error} {}
    [[nodiscard]] const sr_error& error() const noexcept { return error_; }
    [[nodiscard]] const char* what() const noexcept override
    {
        return static_cast<const char*>(error_.message);
    }

private:
    sr_error error_;
};

/// @throws EngineFailure
[[nodiscard]] Host open_host();

/// An sr_error that says its size, ready to be filled in.
[[nodiscard]] sr_error empty_error() noexcept;

/// In a handler: what was caught, as a failure to report.
[[nodiscard]] Failure current_failure();

/// Runs what must not throw across the C boundary, and is not worth failing for.
template <typename Fn>
void quietly(Fn&& fn) noexcept
{
    try {
        fn();
    } catch (const std::exception&) {
        // Progress or a message is lost.
    }
}

/// Passes a message of the engine on: warnings and errors always, the rest if --verbose.
void log_to(Console& console, sr_log_level level, const char* message);

}  // namespace sr
