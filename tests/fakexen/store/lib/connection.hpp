// SPDX-License-Identifier: LGPL-2.1-or-later
// struct xs_handle of the fake libxenstore: one connection to the store of a fakexen host.
#pragma once

#include "libsr/base/fd.hpp"
#include "tests/fakexen/protocol/client.hpp"
#include "tests/fakexen/store/wire.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

/// Safe to use from several threads, as the real one is. Failures set errno. Named as xenstore.h
/// names it.
struct xs_handle {  // NOLINT(readability-identifier-naming)
public:
    struct Event {
        std::string path;
        std::string token;
    };

    /// Connects to the host that FAKEXEN_HOST names. Null with errno set if there is none.
    [[nodiscard]] static std::unique_ptr<xs_handle> open(bool filter_unwatched);

    /// Sends a request and waits for its reply. Nothing, and errno, if it was refused.
    [[nodiscard]] std::optional<std::string> ask(std::uint32_t type, std::uint32_t transaction,
                                                 std::string payload);

    /// The oldest event. Nothing: errno is EAGAIN if there is none yet.
    [[nodiscard]] std::optional<Event> check_event();
    /// Waits for an event. Nothing, and errno, if the connection broke.
    [[nodiscard]] std::optional<Event> wait_event();
    /// After an unwatch: forgets queued events of that watch, if the handle was opened so.
    void drop_events(const std::string& path, const std::string& token);

    /// Readable while check_event() has something to look at.
    [[nodiscard]] int event_fd() const noexcept { return poll_.get(); }

private:
    xs_handle() = default;
    [[nodiscard]] bool prepare_polling();
    [[nodiscard]] bool receive(fakexen::store::Message& message);
    void keep_event(const fakexen::store::Message& message);
    void set_signal();

    std::mutex mutex_;
    std::unique_ptr<fakexen::Client> client_;
    sr::Fd signal_;  ///< eventfd: events are queued here, not in the socket
    sr::Fd poll_;    ///< epoll over the socket and signal_
    std::deque<Event> events_;
    std::uint32_t last_request_ = 0;
    bool filter_unwatched_ = false;
};
