// SPDX-License-Identifier: LGPL-2.1-or-later
// One packet over a SOCK_SEQPACKET socket: sending, receiving, and a descriptor that travels along.
// Used by the fake libraries too, so: no exceptions, errno values instead.
#pragma once

#include <cstddef>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace fakexen {

/// Sends head and payload as one packet, with descriptor `fd` if it is not -1. Never raises
/// SIGPIPE.
/// @return 0 or an errno value (EAGAIN on a full non-blocking socket)
[[nodiscard]] int send_packet(int socket, std::span<const std::byte> head,
                              std::span<const std::byte> payload = {}, int fd = -1) noexcept;

/// Whether a host is called or listens: what is done with the socket and its address.
using SocketCall = int (*)(int socket, const sockaddr* address, socklen_t length);

/// bind() or connect() with the socket in the directory `host`, however long its name is.
/// @return 0 or an errno value
[[nodiscard]] int call_with_host_address(SocketCall call, int socket, const char* host) noexcept;

struct Received {
    int error =
        0;  ///< errno value; ECONNRESET when the peer closed, EMSGSIZE when `into` was too small
    std::size_t length = 0;  ///< octets of the packet
    int fd = -1;  ///< descriptor that came with it, close-on-exec, now the caller's; or -1
};

/// Receives one packet.
[[nodiscard]] Received receive_packet(int socket, std::span<std::byte> into) noexcept;

template <typename T>
[[nodiscard]] std::span<const std::byte> packet_of(const T& message) noexcept
{
    return std::as_bytes(std::span{&message, 1});
}

}  // namespace fakexen
