// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening connections lazily, saying goodbye at a clean exit, and starting anew after fork().
#include "tests/fakexen/lib/connection.hpp"

#include "tests/fakexen/lib/gup_filter.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace fakexen {
namespace {

struct HostConnection {
    std::string host;
    std::unique_ptr<Client> client;
};

/// All connections that were ever made. Those to hosts that are gone stay too: handles may still point there.
struct Process {
    std::mutex mutex;
    std::vector<HostConnection> connections;
    bool filtered =
        false;  ///< refuse_get_user_pages() was called: once is enough, for children too
};

// A library has no main() to own it, so this is the one global of fakexen. Never destroyed: other destructors may
// still close handles.
Process& process() noexcept
{
    alignas(Process) static std::byte storage[sizeof(Process)];
    static Process& only = *new (storage) Process;
    return only;
}

// A child inherits neither the mappings (MADV_DONTFORK) nor the connections that they belong to. Locks may be held by
// threads that are not here, so nothing is destroyed.
void begin_anew_in_child() noexcept
{
    Process& here = process();
    new (&here.mutex) std::mutex;
    for (HostConnection& inherited : here.connections) {
        const Client* client = inherited.client.release();
        (void)::close(client->socket());
        (void)::close(client->memory_fd());
    }
    here.connections.clear();
}

bool is_alive(const Client& client) noexcept
{
    pollfd polled = {client.socket(), 0, 0};
    return ::poll(&polled, 1, 0) == 0;
}

__attribute__((destructor)) void say_goodbye() noexcept
{
    for (const HostConnection& connection : process().connections) {
        if (is_alive(*connection.client)) {
            (void)connection.client->call(protocol::Bye{});
        }
    }
}

/// Asked for by the host (`--quirk no-gup`) or by the process's environment.
bool refuses_get_user_pages(const Client& client)
{
    const char* wanted = std::getenv("FAKEXEN_NO_GUP");
    return (client.machine().flags & protocol::host_refuses_gup) != 0 ||
           (wanted != nullptr && std::string_view{wanted} == "1");
}

Client* find_or_connect(Process& here, const std::string& host)
{
    for (const HostConnection& known : here.connections) {
        if (known.host == host && is_alive(*known.client)) {
            return known.client.get();
        }
    }
    static const int registered = ::pthread_atfork(nullptr, nullptr, begin_anew_in_child);
    (void)registered;
    auto [client, error] = Client::connect(host.c_str(), protocol::Role::dom0, 0);
    if (client && refuses_get_user_pages(*client) && !here.filtered) {
        error = refuse_get_user_pages();
        here.filtered = error == 0;
    }
    if (error != 0) {
        errno = error;
        return nullptr;
    }
    return here.connections.emplace_back(HostConnection{host, std::move(client)}).client.get();
}

}  // namespace

Client* host_connection() noexcept
{
    const char* host = std::getenv("FAKEXEN_HOST");
    if (host == nullptr) {
        errno = ENOENT;
        return nullptr;
    }
    try {
        Process& here = process();
        const std::scoped_lock lock{here.mutex};
        return find_or_connect(here, host);
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
        return nullptr;
    }
}

}  // namespace fakexen
