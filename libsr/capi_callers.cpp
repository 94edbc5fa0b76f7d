// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls back through the operation tables of sr.h.
#include "libsr/capi_callers.hpp"

#include "libsr/base/error.hpp"

namespace sr {

void CallbackLogger::write(LogLevel level, const char* message) noexcept
{
    static_assert(static_cast<int>(LogLevel::debug) == SR_LOG_DEBUG &&
                  static_cast<int>(LogLevel::error) == SR_LOG_ERROR);
    if (log_ != nullptr) {
        log_(static_cast<sr_log_level>(level), message, user_);
    }
}

void ProgressReporter::operator()(const Progress& progress) const
{
    static_assert(static_cast<int>(Phase::setup) == SR_PHASE_SETUP &&
                  static_cast<int>(Phase::completion) == SR_PHASE_COMPLETION);
    if (report_ == nullptr) {
        return;
    }
    const auto elapsed = std::chrono::steady_clock::now() - begin_;
    const sr_progress told{
        .size = sizeof(sr_progress),
        .phase = static_cast<sr_phase>(progress.phase),
        .round = progress.round,
        .pages_done = progress.pages_done,
        .pages_total = progress.pages_total,
        .pages_sent = progress.pages_sent,
        .stream_octets = progress.stream_octets,
        .elapsed_ns = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()),
    };
    report_(&told, user_);
}

void SaveOps::suspend()
{
    if (ops_.suspend == nullptr) {
        throw Error{Errc::usage,
                    "the domain is not suspended, and there is no operation to suspend it"};
    }
    asked_ = true;
    if (ops_.suspend(user_) != SR_SUSPEND_DONE) {
        throw Error{Errc::callback, "the toolstack could not suspend the guest"}.with_call(
            "suspend");
    }
}

void RestoreOps::static_data_done(const MissingPolicy& missing)
{
    if (ops_.static_data_done == nullptr) {
        return;
    }
    const std::uint32_t bits =
        (missing.cpuid ? SR_MISSING_CPUID : 0U) | (missing.msrs ? SR_MISSING_MSRS : 0U);
    if (ops_.static_data_done(bits, user_) != 0) {
        throw Error{Errc::callback, "the toolstack refused the domain's static data"}.with_call(
            "static_data_done");
    }
}

}  // namespace sr
