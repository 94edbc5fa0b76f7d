// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's end where client and host are one process: linked instead of fakexen's protocol/client.cpp and
// lib/connection.cpp, under the very same fake libraries.
#include "tests/fakexen/protocol/client.hpp"

#include "tests/fakexen/lib/connection.hpp"
#include "tests/fuzz/inprocess/host.hpp"

#include <cerrno>
#include <cstring>

namespace fakexen {

Client::Connected Client::connect(const char*, protocol::Role, std::uint32_t) noexcept
{
    std::unique_ptr<Client> client{new (std::nothrow) Client};
    if (client) {
        client->memory_fd_ = sr::fuzz::InProcessHost::memory_fd();
    }
    return {.client = std::move(client), .error = 0};
}

Client::~Client() = default;

int Client::exchange(std::span<const std::byte> request, std::span<std::byte> answer) noexcept
{
    sr::fuzz::InProcessHost* const host = sr::fuzz::InProcessHost::current();
    if (host == nullptr || answer.size() < sizeof(protocol::Reply)) {
        return EPIPE;
    }
    const std::scoped_lock lock{mutex_};  // a save prepares pages on a thread of its own
    protocol::Reply reply;
    reply.result = host->serve(request);
    std::memcpy(answer.data(), &reply, sizeof reply);
    return 0;
}

// A host in this process has no latency to play.
void Client::wait(std::uint32_t) noexcept {}

std::int64_t Client::hypercall(std::uint32_t op, const std::uint64_t (&args)[6],
                               std::uint32_t vcpu) noexcept
{
    protocol::Hypercall request;
    request.op = op;
    request.vcpu = vcpu;
    std::memcpy(request.args, args, sizeof request.args);
    return call(request);
}

Client* host_connection() noexcept
{
    static const std::unique_ptr<Client> only =
        Client::connect(nullptr, protocol::Role::dom0, 0).client;
    return only.get();
}

}  // namespace fakexen
