// SPDX-License-Identifier: LGPL-2.1-or-later
// Which class of failure becomes which exit status.
#include "tools/xsr/exit_codes.hpp"

namespace sr {

ExitCode exit_code_of(Errc code) noexcept
{
    switch (code) {
    case Errc::malformed:
    case Errc::limit:
        return ExitCode::malformed;
    case Errc::unsupported:
    case Errc::mismatch:
        return ExitCode::unsupported;
    case Errc::guest:
        return ExitCode::guest;
    case Errc::hypervisor:
        return ExitCode::hypervisor;
    case Errc::io:
        return ExitCode::io;
    case Errc::cancelled:
        return ExitCode::cancelled;
    case Errc::usage:
        return ExitCode::usage;
    case Errc::callback:
    case Errc::internal:
        return ExitCode::internal;
    }
    return ExitCode::internal;
}

ExitCode exit_code_of(sr_error_class error_class) noexcept
{
    switch (error_class) {
    case SR_ERROR_NONE:
        return ExitCode::ok;
    case SR_ERROR_MALFORMED:
    case SR_ERROR_LIMIT:
        return ExitCode::malformed;
    case SR_ERROR_UNSUPPORTED:
    case SR_ERROR_MISMATCH:
        return ExitCode::unsupported;
    case SR_ERROR_GUEST:
        return ExitCode::guest;
    case SR_ERROR_HYPERVISOR:
    case SR_ERROR_NO_MEMORY:
        return ExitCode::hypervisor;
    case SR_ERROR_IO:
        return ExitCode::io;
    case SR_ERROR_CANCELLED:
        return ExitCode::cancelled;
    case SR_ERROR_USAGE:
        return ExitCode::usage;
    case SR_ERROR_CALLBACK:
    case SR_ERROR_INTERNAL:
        return ExitCode::internal;
    }
    return ExitCode::internal;
}

const char* exit_codes_help() noexcept
{
    return "Exit status:\n"
           "    0  done; diff: equal; verify: no deviation\n"
           "    1  diff: the files differ; verify: deviations that a reader tolerates\n"
           "    2  options or arguments that make no sense; diff: any trouble\n"
           "    3  a file could not be opened, read or written, or ends early\n"
           "    4  the stream breaks its specification\n"
           "    5  correct, but not for this build, this host or this domain\n"
           "    6  the hypervisor or xenstored failed\n"
           "    7  the guest cannot be saved as it is, or did not suspend\n"
           "    8  no such domain, or the name to restore under is taken\n"
           "    9  a defect of xsr\n"
           "  130  stopped by ^C, SIGTERM or SIGHUP";
}

}  // namespace sr
