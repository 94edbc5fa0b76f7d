// SPDX-License-Identifier: LGPL-2.1-or-later
// Sending without blocking.
#include "tests/fakexen/host/connection.hpp"

#include <cerrno>

namespace fakexen {

void Connection::send(std::span<const std::byte> head, std::span<const std::byte> payload, int fd)
{
    if (queue_.empty()) {
        const int error = send_packet(socket_.get(), head, payload, fd);
        if (error == 0) {
            return;
        }
        if (error != EAGAIN || fd >= 0) {
            hopeless_ =
                true;  // a descriptor goes with the very first packet: there is room for that
            return;
        }
    }
    if (queue_.size() >= queue_limit) {
        hopeless_ = true;
        return;
    }
    std::vector<std::byte> packet(head.begin(), head.end());
    packet.insert(packet.end(), payload.begin(), payload.end());
    queue_.push_back(std::move(packet));
}

void Connection::flush()
{
    while (!queue_.empty()) {
        const int error = send_packet(socket_.get(), queue_.front());
        if (error == EAGAIN) {
            return;
        }
        if (error != 0) {
            hopeless_ = true;
            return;
        }
        queue_.pop_front();
    }
}

}  // namespace fakexen
