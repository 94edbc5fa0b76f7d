// SPDX-License-Identifier: LGPL-2.1-or-later
// ^C, SIGTERM and SIGHUP as a request to stop cleanly.
#pragma once

#include "libsr/base/cancel.hpp"
#include "sr.h"

#include <array>
#include <memory>
#include <signal.h>

namespace sr {

/// While it lives, the three signals cancel its job and make poll_fd() readable, and none that a write
/// can raise (SIGPIPE, SIGXFSZ) kills us with a guest suspended. One at a time.
class Interrupt {
public:
    Interrupt();  ///< @throws Error{io} if there is no descriptor to be had
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

    /// For sr_save and sr_restore.
    [[nodiscard]] sr_job* job() const noexcept { return job_.get(); }
    [[nodiscard]] bool is_requested() const noexcept { return token_.cancelled(); }
    [[nodiscard]] int poll_fd() const noexcept { return token_.poll_fd(); }
    [[nodiscard]] const CancelToken& token() const noexcept { return token_; }

private:
    struct FreeJob {
        void operator()(sr_job* job) const noexcept { sr_job_free(job); }
    };
    static constexpr std::array stopping = {SIGINT, SIGTERM, SIGHUP};
    static constexpr std::array ignored = {SIGPIPE, SIGXFSZ};
    static void on_signal(int number);

    CancelToken token_;
    std::unique_ptr<sr_job, FreeJob> job_;
    std::array<struct sigaction, stopping.size()> stopping_before_{};
    std::array<struct sigaction, ignored.size()> ignored_before_{};
};

}  // namespace sr
