// SPDX-License-Identifier: LGPL-2.1-or-later
// One connection of a client: packets in, packets out without ever blocking.
#pragma once

#include "libsr/base/fd.hpp"
#include "tests/fakexen/host/client_process.hpp"
#include "tests/fakexen/protocol/messages.hpp"
#include "tests/fakexen/protocol/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace fakexen {

using ConnectionId = std::uint64_t;

class Connection {
public:
    Connection(ConnectionId id, sr::Fd socket, ClientProcess& client)
        : id_{id}, socket_{std::move(socket)}, client_{&client}
    {
    }

    [[nodiscard]] ConnectionId id() const noexcept { return id_; }
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }
    [[nodiscard]] ClientProcess& client() const noexcept { return *client_; }

    /// Sends a packet, or queues it if the peer is slow. A peer that never reads is cut off: see is_hopeless().
    void send(std::span<const std::byte> head, std::span<const std::byte> payload = {},
              int fd = -1);

    template <typename T>
    void send_message(const T& message)
    {
        send(packet_of(message));
    }

    void reply(protocol::Kind kind, std::int64_t result)
    {
        send_message(protocol::Reply{.header = {.kind = kind, .delay_us = client_->take_delay_us()},
                                     .result = result});
    }

    /// Sends what is queued, as far as it goes.
    void flush();
    [[nodiscard]] bool has_queued() const noexcept { return !queue_.empty(); }
    [[nodiscard]] bool is_hopeless() const noexcept { return hopeless_; }

    bool greeted = false;
    protocol::Role role = protocol::Role::dom0;
    std::uint16_t domid = 0;  ///< of a guest
    bool uses_store = false;

private:
    static constexpr std::size_t queue_limit = 4096;

    ConnectionId id_;
    sr::Fd socket_;
    ClientProcess* client_;
    std::deque<std::vector<std::byte>> queue_;
    bool hopeless_ = false;
};

}  // namespace fakexen
