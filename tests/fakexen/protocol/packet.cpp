// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets over SOCK_SEQPACKET by sendmsg and recvmsg.
#include "tests/fakexen/protocol/packet.hpp"

#include "tests/fakexen/protocol/messages.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace fakexen {
namespace {

union DescriptorControl {
    cmsghdr align;
    char octets[CMSG_SPACE(sizeof(int))];
};

int descriptor_in(msghdr& message) noexcept
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int))) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
            return fd;
        }
    }
    return -1;
}

}  // namespace

int send_packet(int socket, std::span<const std::byte> head, std::span<const std::byte> payload,
                int fd) noexcept
{
    // NOLINTBEGIN(cppcoreguidelines-pro-type-const-cast): sendmsg() only reads what an iovec names
    iovec parts[] = {{const_cast<std::byte*>(head.data()), head.size()},
                     {const_cast<std::byte*>(payload.data()), payload.size()}};
    // NOLINTEND(cppcoreguidelines-pro-type-const-cast)
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = payload.empty() ? 1 : 2;
    DescriptorControl control = {};
    if (fd >= 0) {
        message.msg_control = control.octets;
        message.msg_controllen = sizeof control.octets;
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

int call_with_host_address(SocketCall call, int socket, const char* host) noexcept
{
    const int directory = ::open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return errno;
    }
    // sun_path has room for a hundred characters, names of directories may have more.
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory,
                        protocol::socket_name);
    const void* any = &address;
    const int error =
        call(socket, static_cast<const sockaddr*>(any), sizeof address) == 0 ? 0 : errno;
    (void)::close(directory);
    return error;
}

Received receive_packet(int socket, std::span<std::byte> into) noexcept
{
    iovec part = {into.data(), into.size()};
    DescriptorControl control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.octets;
    message.msg_controllen = sizeof control.octets;
    ssize_t length = -1;
    do {
        length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return {.error = errno};
    }
    if (length == 0) {
        return {.error = ECONNRESET};
    }
    const int fd = descriptor_in(message);
    const bool cut = (message.msg_flags & MSG_TRUNC) != 0;
    return {.error = cut ? EMSGSIZE : 0, .length = static_cast<std::size_t>(length), .fd = fd};
}

}  // namespace fakexen
