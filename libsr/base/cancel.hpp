// SPDX-License-Identifier: LGPL-2.1-or-later
// A request to stop that reaches reads and writes which block.
#pragma once

#include "libsr/base/fd.hpp"

#include <atomic>

namespace sr {

/// Set once, from any thread or signal handler; never taken back.
class CancelToken {
public:
    CancelToken();  ///< @throws Error{io} if there is no descriptor to be had

    /// Async-signal-safe: an atomic store and a write to an eventfd; errno is kept.
    void cancel() noexcept;
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(); }
    /// @throws Error{cancelled} if so
    void check() const;

    /// Becomes, and stays, readable once cancelled: for poll().
    [[nodiscard]] int poll_fd() const noexcept { return event_.get(); }

private:
    static_assert(std::atomic<bool>::is_always_lock_free, "needed in signal handlers");
    std::atomic<bool> cancelled_{false};
    Fd event_;
};

}  // namespace sr
