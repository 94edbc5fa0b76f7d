// SPDX-License-Identifier: LGPL-2.1-or-later
// Connecting to a fakexen host and exchanging packets with it.
#include "tests/fakexen/protocol/client.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

namespace fakexen {
namespace {

/// A connected socket, or -errno.
int connect_socket(const char* host) noexcept
{
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (const int error = call_with_host_address(::connect, fd, host); error != 0) {
        (void)::close(fd);
        return -error;
    }
    return fd;
}

}  // namespace

Client::Connected Client::connect(const char* host, protocol::Role role,
                                  std::uint32_t domid) noexcept
{
    if (host == nullptr) {
        host = std::getenv("FAKEXEN_HOST");
    }
    if (host == nullptr) {
        return {.client = nullptr, .error = ENOENT};
    }
    std::unique_ptr<Client> client{new (std::nothrow) Client};
    if (!client) {
        return {.client = nullptr, .error = ENOMEM};
    }
    client->socket_ = connect_socket(host);
    const int error = client->socket_ < 0 ? -client->socket_ : client->say_hello(role, domid);
    if (error != 0) {
        return {.client = nullptr, .error = error};
    }
    return {.client = std::move(client), .error = 0};
}

Client::~Client()
{
    if (memory_fd_ >= 0) {
        (void)::close(memory_fd_);
    }
    if (socket_ >= 0) {
        (void)::close(socket_);
    }
}

int Client::say_hello(protocol::Role role, std::uint32_t domid) noexcept
{
    ucred peer = {};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) {
        // Fails where the kernel has no Yama; then nothing needs to be allowed.
        (void)::prctl(PR_SET_PTRACER, static_cast<unsigned long>(peer.pid), 0, 0, 0);
    }
    protocol::Hello hello;
    hello.role = role;
    hello.domid = domid;
    if (const char* fail = std::getenv("FAKEXEN_FAIL"); fail != nullptr) {
        (void)std::snprintf(hello.fail, sizeof hello.fail, "%s", fail);
    }
    if (const int error = send_packet(socket_, packet_of(hello)); error != 0) {
        return error;
    }
    const Received received = receive_packet(socket_, writable(machine_));
    memory_fd_ = received.fd;
    if (received.error != 0 || received.length != sizeof machine_) {
        return received.error != 0 ? received.error : EPROTO;
    }
    if (machine_.result != 0) {
        return static_cast<int>(-machine_.result);
    }
    return memory_fd_ >= 0 ? 0 : EPROTO;
}

int Client::exchange(std::span<const std::byte> request, std::span<std::byte> answer) noexcept
{
    const std::scoped_lock lock{mutex_};
    if (const int error = send_packet(socket_, request); error != 0) {
        return error;
    }
    const Received received = receive_packet(socket_, answer);
    if (received.fd >= 0) {
        (void)::close(received.fd);
    }
    if (received.error != 0) {
        return received.error;
    }
    return received.length == answer.size() ? 0 : EPROTO;
}

void Client::wait(std::uint32_t us) noexcept
{
    constexpr std::uint32_t us_per_s = 1'000'000;
    timespec left = {.tv_sec = us / us_per_s, .tv_nsec = us % us_per_s * 1000L};
    while (us > 0 && ::nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

std::int64_t Client::hypercall(std::uint32_t op, const std::uint64_t (&args)[6],
                               std::uint32_t vcpu) noexcept
{
    protocol::Hypercall request;
    request.op = op;
    request.vcpu = vcpu;
    std::memcpy(request.args, args, sizeof request.args);
    return call(request);
}

}  // namespace fakexen
