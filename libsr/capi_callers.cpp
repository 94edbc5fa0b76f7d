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
        .stale_tables = progress.stale_tables,
        .stale_types_ns = progress.stale_types_ns,
    };
    report_(&told, user_);
}

void SaveOps::suspend()
{
    if (ops_.suspend == nullptr) {
        throw Error{Errc::usage,
                    "the domain is not suspended, and there is no operation to suspend it"};
    }
    guest_has_suspended();  // or will have, at any moment from here on
    if (ops_.suspend(user_) != SR_SUSPEND_DONE) {
        throw Error{Errc::callback, "the toolstack could not suspend the guest"}.with_call(
            "suspend");
    }
}

void SaveOps::guest_has_suspended() noexcept
{
    if (holder_ == SR_GUEST_UNTOUCHED) {
        holder_ = SR_GUEST_AT_SOURCE;
    }
}

void SaveOps::check_cancelled()
{
    if (token_ != nullptr) {
        token_->check();
    }
}

PrecopyDecision SaveOps::decide(const PrecopyStats& stats)
{
    if (ops_.precopy_policy == nullptr) {
        return stock_precopy_policy(stats);
    }
    const sr_precopy_stats told{
        .size = sizeof(told),
        .iteration = stats.iteration,
        .total_written = stats.total_written,
        .dirty_count = stats.dirty_count ? static_cast<std::int64_t>(*stats.dirty_count) : -1};
    switch (ops_.precopy_policy(&told, user_)) {
    case SR_PRECOPY_CONTINUE:
        return PrecopyDecision::another_round;
    case SR_PRECOPY_STOP:
        return PrecopyDecision::stop_guest;
    case SR_PRECOPY_ABORT:
        break;
    }
    return PrecopyDecision::abort;
}

void SaveOps::resume()
{
    // Whoever reads the stream has a whole guest from here on, and may let it run if no more comes.
    holder_ = SR_GUEST_IN_DOUBT;
    if (ops_.postcopy(user_) != SR_POSTCOPY_DONE) {
        throw Error{Errc::callback, "the toolstack could not resume the guest after a checkpoint"}
            .with_call("postcopy");
    }
}

bool SaveOps::checkpoint()
{
    return ops_.checkpoint(user_) == SR_CHECKPOINT_AGAIN;
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

CheckpointRest RestoreOps::checkpoint()
{
    switch (ops_.checkpoint(user_)) {
    case SR_RESTORE_CHECKPOINT_SUCCESS:
        return CheckpointRest::complete;
    case SR_RESTORE_CHECKPOINT_FAILOVER:
        return CheckpointRest::lost;
    case SR_RESTORE_CHECKPOINT_ERROR:
        break;
    }
    throw Error{Errc::callback, "the toolstack failed at a checkpoint"}.with_call("checkpoint");
}

}  // namespace sr
