// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening the connection lazily, saying goodbye at a clean exit, and starting anew after fork().
#include "tests/fakexen/lib/connection.hpp"

#include <cerrno>
#include <mutex>
#include <new>
#include <pthread.h>
#include <unistd.h>

namespace fakexen {
namespace {

struct Process {
    std::mutex mutex;
    std::unique_ptr<Client> client;
};

// A library has no main() to own it, so this is the one global of fakexen. Never destroyed: other destructors may
// still close handles.
Process& process() noexcept
{
    static Process& only = *new Process;
    return only;
}

// A child inherits neither the mappings (MADV_DONTFORK) nor the connection that they belong to. Locks may be held by
// threads that are not here, so nothing is destroyed.
void begin_anew_in_child() noexcept
{
    Process& here = process();
    new (&here.mutex) std::mutex;
    if (const Client* inherited = here.client.release()) {
        (void)::close(inherited->socket());
        (void)::close(inherited->memory_fd());
    }
}

__attribute__((destructor)) void say_goodbye() noexcept
{
    if (process().client) {
        (void)process().client->call(protocol::Bye{});
    }
}

}  // namespace

Client* host_connection() noexcept
{
    Process& here = process();
    const std::scoped_lock lock{here.mutex};
    if (!here.client) {
        static const int registered = ::pthread_atfork(nullptr, nullptr, begin_anew_in_child);
        (void)registered;
        auto [client, error] = Client::connect(nullptr, protocol::Role::dom0, 0);
        if (!client) {
            errno = error;
            return nullptr;
        }
        here.client = std::move(client);
    }
    return here.client.get();
}

}  // namespace fakexen
