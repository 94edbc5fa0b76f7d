// SPDX-License-Identifier: LGPL-2.1-or-later
// The operation tables of sr.h as what the engines ask for.
#pragma once

#include "libsr/base/cancel.hpp"
#include "libsr/base/log.hpp"
#include "libsr/restore/restore.hpp"
#include "libsr/save/save.hpp"
#include "sr.h"

#include <chrono>

namespace sr {

/// A caller's log operation; without one, messages are dropped.
class CallbackLogger final : public Logger {
public:
    using Log = void (*)(sr_log_level, const char*, void*);
    CallbackLogger(Log log, void* user) noexcept : log_{log}, user_{user} {}
    void write(LogLevel level, const char* message) noexcept override;

private:
    Log log_;
    void* user_;
};

/// A caller's progress operation, told the time that has passed.
class ProgressReporter {
public:
    using Report = void (*)(const sr_progress*, void*);
    ProgressReporter(Report report, void* user) noexcept : report_{report}, user_{user} {}
    void operator()(const Progress& progress) const;

private:
    Report report_;
    void* user_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// struct sr_save_ops behind the engine's interface.
class SaveOps final : public SaveCaller {
public:
    /// @param token        of the job; may be null
    /// @param[out] holder  who holds the guest if the save fails
    SaveOps(const sr_save_ops& ops, void* user, const CancelToken* token,
            sr_guest_holder& holder) noexcept
        : ops_{ops}, user_{user}, token_{token}, report_{ops.progress, user}, holder_{holder}
    {
    }
    void suspend() override;
    [[nodiscard]] bool can_suspend() const override { return ops_.suspend != nullptr; }
    void guest_has_suspended() noexcept override;
    void progress(const Progress& progress) override { report_(progress); }
    void check_cancelled() override;
    [[nodiscard]] PrecopyDecision decide(const PrecopyStats& stats) override;
    void resume() override;
    [[nodiscard]] bool checkpoint() override;

private:
    const sr_save_ops& ops_;
    void* user_;
    const CancelToken* token_;
    ProgressReporter report_;
    sr_guest_holder& holder_;
};

/// struct sr_restore_ops behind the engine's interface.
class RestoreOps final : public RestoreCaller {
public:
    /// @param[out] begun  set once the domain is not what it was
    RestoreOps(const sr_restore_ops& ops, void* user, bool& begun) noexcept
        : ops_{ops}, user_{user}, report_{ops.progress, user}, begun_{begun}
    {
    }
    void domain_changes() noexcept override { begun_ = true; }
    void static_data_done(const MissingPolicy& missing) override;
    [[nodiscard]] CheckpointRest checkpoint() override;
    void progress(const Progress& progress) override { report_(progress); }

private:
    const sr_restore_ops& ops_;
    void* user_;
    ProgressReporter report_;
    bool& begun_;
};

}  // namespace sr
