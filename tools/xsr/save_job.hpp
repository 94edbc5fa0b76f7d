// SPDX-License-Identifier: LGPL-2.1-or-later
// One save of one domain: sr_save with a toolstack's part in it, and what becomes of the guest.
#pragma once

#include "tools/toolstack/suspend.hpp"
#include "tools/xsr/engine_log.hpp"
#include "tools/xsr/interrupt.hpp"
#include "tools/xsr/progress_meter.hpp"

#include <exception>

namespace sr {

/// What sr_save is told of how to save.
struct SaveSettings {
    std::uint32_t flags = 0;  ///< SR_SAVE_*
    sr_stale_types stale_types = SR_STALE_TYPES_AUTO;
    std::uint32_t max_grant_version = 0;  ///< that the domain may use; 0: not known
};

enum class AfterSave { destroy, leave_running, leave_paused };

class SaveJob {
public:
    SaveJob(Console& console, Toolstack& toolstack, const NamedDomain& domain,
            SuspendOptions suspend_options);

    /// Writes the libxc stream to fd; the guest is suspended when this returns.
    /// @throws EngineFailure, Error
    void run(sr_host* host, int fd, const SaveSettings& settings);
    /// Says that the disk is waited for.
    void announce_sync() { meter_.announce("syncing", "writing the file to disk"); }
    /// After a save that succeeded. @throws Error if the guest cannot be brought there, or is to be
    /// destroyed and runs on
    void finish(AfterSave wish);
    /// After one that failed: makes the guest run again if we suspended it. Never throws.
    /// @return a clause for the message: who holds the guest now
    [[nodiscard]] std::string undo() noexcept;

    [[nodiscard]] const ProgressFacts& facts() const noexcept { return meter_.facts(); }
    [[nodiscard]] const Interrupt& interrupt() const noexcept { return interrupt_; }
    /// Somebody else resumed the guest after it was saved.
    [[nodiscard]] bool was_resumed_meanwhile() const noexcept { return was_resumed_meanwhile_; }
    /// How long the guest has not been running; zero if it was found suspended.
    [[nodiscard]] std::chrono::nanoseconds suspended_for() const noexcept;

private:
    [[nodiscard]] sr_suspend_result suspend() noexcept;
    [[nodiscard]] std::string undo_or_throw();
    void check_still_suspended();

    Console& console_;
    Toolstack& toolstack_;
    NamedDomain domain_;
    Interrupt interrupt_;
    ProgressMeter meter_;
    SuspendOptions suspend_options_;
    bool was_suspended_;  ///< when we came
    bool was_resumed_meanwhile_ = false;
    std::exception_ptr suspend_error_;  ///< what sr_save cannot carry through its C boundary
    std::chrono::steady_clock::time_point suspended_at_{};
};

}  // namespace sr
