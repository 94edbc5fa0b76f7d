// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's end of a connection to a fakexen host: for the fake libraries, guest programs and
// the command. Linked into libraries that load into any process, so: errno values, no exceptions,
// no output.
#pragma once

#include "tests/fakexen/protocol/messages.hpp"
#include "tests/fakexen/protocol/packet.hpp"

#include <memory>
#include <mutex>

namespace fakexen {

/// One connection. Requests of several threads queue up on a mutex.
class Client {
public:
    struct Connected {
        std::unique_ptr<Client> client;  ///< or null
        int error = 0;                   ///< why: an errno value
    };

    /// Connects to the host in directory `host` ($FAKEXEN_HOST if null), says hello and receives
    /// machine memory. Lets the host's process read and write this process's memory
    /// (PR_SET_PTRACER). ENOENT: there is no host.
    [[nodiscard]] static Connected connect(const char* host, protocol::Role role,
                                           std::uint32_t domid) noexcept;

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    [[nodiscard]] int socket() const noexcept { return socket_; }
    [[nodiscard]] int memory_fd() const noexcept { return memory_fd_; }
    [[nodiscard]] const protocol::HelloReply& machine() const noexcept { return machine_; }

    /// Sends a request that is answered by Reply. @return its result, or -EIO when the host is gone
    template <typename Request>
    [[nodiscard]] std::int64_t call(const Request& request) noexcept
    {
        protocol::Reply reply = {};
        const int error = exchange(packet_of(request), writable(reply));
        wait(reply.header.delay_us);
        return error != 0 ? -EIO : reply.result;
    }

    /// Sends a request whose answer has a shape of its own. @return 0 or an errno value
    template <typename Request, typename Answer>
    [[nodiscard]] int call_for(const Request& request, Answer& answer) noexcept
    {
        return exchange(packet_of(request), writable(answer));
    }

    /// A hypercall: a result ≥ 0 or a negative errno.
    [[nodiscard]] std::int64_t hypercall(std::uint32_t op, const std::uint64_t (&args)[6],
                                         std::uint32_t vcpu = 0) noexcept;

private:
    Client() = default;
    [[nodiscard]] int exchange(std::span<const std::byte> request,
                               std::span<std::byte> answer) noexcept;
    /// Outside the mutex: calls of several threads wait at the same time, as on several CPUs.
    static void wait(std::uint32_t us) noexcept;
    [[nodiscard]] int say_hello(protocol::Role role, std::uint32_t domid) noexcept;

    template <typename T>
    [[nodiscard]] static std::span<std::byte> writable(T& message) noexcept
    {
        return std::as_writable_bytes(std::span{&message, 1});
    }

    std::mutex mutex_;
    int socket_ = -1;
    int memory_fd_ = -1;
    protocol::HelloReply machine_ = {};
};

}  // namespace fakexen
