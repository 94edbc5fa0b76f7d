// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening sr.h's host, and its messages on the console.
#include "tools/xsr/engine_log.hpp"

#include <new>

namespace sr {

sr_error empty_error() noexcept
{
    sr_error error{};
    error.size = sizeof(error);
    return error;
}

Host open_host()
{
    sr_error error = empty_error();
    sr_host* host = nullptr;
    if (sr_host_open(nullptr, &host, &error) != 0) {
        throw EngineFailure{error};
    }
    return Host{host};
}

Failure current_failure()
{
    try {
        throw;
    } catch (const EngineFailure& failed) {
        return failure_of(failed.error());
    } catch (const Error& error) {
        return failure_of(error);
    } catch (const std::bad_alloc&) {
        return {ExitCode::hypervisor, "no-memory", "out of memory", "", Json::object()};
    } catch (const std::exception& error) {
        return {ExitCode::internal, "internal", error.what(), "", Json::object()};
    }
}

void log_to(Console& console, sr_log_level level, const char* message)
{
    switch (level) {
    case SR_LOG_WARNING:
        console.warn(message);
        break;
    case SR_LOG_ERROR:
        break;  // comes back as the sr_error of the call, with its place
    case SR_LOG_INFO:
    case SR_LOG_VERBOSE:
    case SR_LOG_DEBUG:
        if (console.options().is_verbose) {
            console.note(message);
        }
        break;
    }
}

}  // namespace sr
