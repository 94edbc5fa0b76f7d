// SPDX-License-Identifier: LGPL-2.1-or-later
// The two pipes to libxl, and noticing that it is gone.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/cancel.hpp"
#include "sr.h"

#include <atomic>
#include <thread>

namespace sr {

/// Standard input and output as libxl's ends of a conversation. Their flags are left as they are: the descriptions may be
/// shared. While it lives, a thread watches both; once libxl has closed one of them, the job is cancelled, wherever it
/// blocks, and what is said goes nowhere. Nothing here throws after construction: it is called back through C.
class LibxlLink {
public:
    explicit LibxlLink(sr_job* job);  ///< @throws Error{io} if there is no descriptor to be had
    LibxlLink(const LibxlLink&) = delete;
    LibxlLink& operator=(const LibxlLink&) = delete;
    ~LibxlLink();

    void tell(const Octets& message) noexcept;
    /// Says something and waits for the answer.
    /// @return what libxl answers; `if_gone` if it is gone
    [[nodiscard]] int ask(const Octets& message, int if_gone) noexcept;

    /// The last thing to say. libxl may be gone once it has answered: nobody watches for that any more.
    void conclude(const Octets& message) noexcept;

    /// The exit status if libxl is gone, as the stock helper has it: 254 if it will not answer any more, 255 if it
    /// will not listen. 0 while it is there.
    [[nodiscard]] int status_if_gone() const noexcept { return gone_.load(); }

private:
    static constexpr int does_not_answer = 254;
    static constexpr int does_not_listen = 255;

    void watch() noexcept;
    void end_watch() noexcept;
    void give_up(int status) noexcept;
    [[nodiscard]] bool wait_for(int fd, short events) noexcept;

    sr_job* job_;
    std::atomic<int> gone_{0};
    CancelToken end_;  ///< ends the watch
    std::thread watcher_;
};

}  // namespace sr
