// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving a domain: the one entry point, and what it asks of whoever calls.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/base/log.hpp"
#include "libsr/base/progress.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/save/precopy_policy.hpp"
#include "libsr/wire/order.hpp"
#include "libsr/xen/host.hpp"

#include <cstdint>
#include <optional>

namespace sr {

/// Whether to look for stale types.
enum class StaleTypes : std::uint8_t {
    automatic,  ///< if the hypervisor's version is one that reports them
    on,         ///< always: right on every hypervisor, and costs the same
    off,        ///< never: right where the fix was backported
};

struct SaveSettings {
    StaleTypes stale_types = StaleTypes::automatic;
    bool live = false;    ///< memory is sent while the guest runs, which is suspended for the rest
    bool verify = false;  ///< all memory goes a second time, for the reader to compare
    StreamKind kind = StreamKind::plain;
    bool grants = false;  ///< record the grant table, which a checkpointed stream cannot hold
    std::optional<GrantVersion> max_grant_version{};  ///< that the domain may use, for the record
};

/// What the engine asks of a toolstack while it saves. Called on the thread that saves.
class SaveCaller {
public:
    SaveCaller() = default;
    SaveCaller(const SaveCaller&) = delete;
    SaveCaller& operator=(const SaveCaller&) = delete;
    virtual ~SaveCaller() = default;

    /// Suspends the guest; returns once it has shut down for suspend.
    /// @throws Error{usage} if the caller offers no such operation, Error{callback} if it failed
    virtual void suspend() = 0;
    /// False if suspend() would fail for want of an operation: nothing needs to be sent to know that.
    [[nodiscard]] virtual bool can_suspend() const = 0;
    /// A guest that ran when the save began is suspended now, by suspend() or by itself.
    virtual void guest_has_suspended() noexcept {}
    virtual void progress(const Progress& progress) = 0;
    /// @throws Error{cancelled} if the caller asked to stop
    virtual void check_cancelled() {}

    /// Live saves: another round while the guest runs?
    [[nodiscard]] virtual PrecopyDecision decide(const PrecopyStats& stats)
    {
        return stock_precopy_policy(stats);
    }

    /// Checkpointed streams: resumes the guest, of which the stream now holds a whole state.
    /// @throws Error{callback} if that failed
    virtual void resume() {}
    /// Checkpointed streams: the stream is the caller's until this returns. @return true for another checkpoint
    [[nodiscard]] virtual bool checkpoint() { return false; }
};

/// Writes the state of a PV domain to `sink` as a version 3 stream, from image header to END.
/// Suspends the guest if it is not suspended; leaves it suspended.
///
/// A checkpointed stream ends behind a CHECKPOINT, once the caller wants no more of them; the guest runs then.
///
/// @throws Error: see Errc. Whatever it is, the domain can still be resumed: nothing of it was
/// changed, and log-dirty is off
void save_domain(const Host& host, std::uint32_t domid, Sink& sink, const SaveSettings& settings,
                 SaveCaller& caller, Logger& log);

}  // namespace sr
