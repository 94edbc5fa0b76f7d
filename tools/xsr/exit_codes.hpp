// SPDX-License-Identifier: LGPL-2.1-or-later
// What xsr's exit status says. The one table: xsr(1) and `xsr --help` repeat it.
#pragma once

#include "libsr/base/error.hpp"
#include "sr.h"

namespace sr {

enum class ExitCode : int {
    ok = 0,           ///< done; diff: equal; verify: no deviation
    different = 1,    ///< diff: the files differ; verify: deviations that a reader tolerates
    usage = 2,        ///< options or arguments that make no sense; diff: any trouble
    io = 3,           ///< a file could not be opened, read or written, or ends early
    malformed = 4,    ///< the stream breaks its specification: a reader must refuse it
    unsupported = 5,  ///< correct, but not for this build, this host or this domain
    hypervisor = 6,   ///< a hypercall, or xenstored, failed
    guest = 7,        ///< the guest cannot be saved as it is, or did not suspend
    no_domain = 8,    ///< there is no such domain, or the name to restore under is taken
    internal = 9,     ///< a defect of xsr or libsr
    cancelled = 130,  ///< stopped by ^C, SIGTERM or SIGHUP
};

[[nodiscard]] ExitCode exit_code_of(Errc code) noexcept;
[[nodiscard]] ExitCode exit_code_of(sr_error_class error_class) noexcept;

/// The table for the end of `xsr --help`.
[[nodiscard]] const char* exit_codes_help() noexcept;

}  // namespace sr
