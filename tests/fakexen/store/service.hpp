// SPDX-License-Identifier: LGPL-2.1-or-later
// xenstored inside the fake host: clients' messages in, replies and watch events out.
#pragma once

#include "tests/fakexen/store/store.hpp"
#include "tests/fakexen/store/watches.hpp"
#include "tests/fakexen/store/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace fakexen::store {

/// What xenstored needs of the world around it. Outlives the service.
class Surroundings {
public:
    Surroundings() = default;
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    virtual ~Surroundings() = default;

    [[nodiscard]] virtual bool domain_exists(std::uint32_t domid) = 0;
    virtual void send(ClientId client, std::vector<std::byte> message) = 0;
    /// A domain was introduced, perhaps again: its ring is to be served as a client of its own.
    /// @return false if there is no such ring
    [[nodiscard]] virtual bool ring_introduced(std::uint32_t domid, std::uint64_t mfn,
                                               std::uint32_t port) = 0;
    /// Its ring is not to be touched again.
    virtual void ring_released(std::uint32_t domid) = 0;
};

/// One store for one host. Does no input or output of its own: the host gives it the messages of
/// its clients and sends what it is given.
class Service {
public:
    explicit Service(Surroundings& surroundings);

    /// A client came: a program in dom0 (domid 0) or the kernel of a domain.
    void connect(ClientId client, std::uint32_t domid);
    /// It went: its watches and transactions go too.
    void disconnect(ClientId client);
    /// One whole message of a connected client; its reply and all events have been sent on return.
    void handle(ClientId client, std::span<const std::byte> octets);

    /// A domain shut down or crashed: fires @releaseDomain, once until XS_RESUME, if it was
    /// introduced.
    void domain_shut_down(std::uint32_t domid);
    /// A domain is no more: forgets it and what it owns.
    void domain_gone(std::uint32_t domid);

    [[nodiscard]] Store& store() noexcept { return store_; }

private:
    struct Introduced {
        bool shutdown = false;  ///< @releaseDomain has been fired for it
    };
    struct Client {
        std::uint32_t domid = 0;
        std::set<TransactionId> transactions;
    };
    using Arguments = std::vector<std::string>;

    [[nodiscard]] std::string answer(ClientId client, const Message& message);
    std::string answer_node(Caller caller, const Message& message);
    std::string answer_watch(ClientId client, const Message& message);
    std::string answer_domain(std::uint32_t caller, const Message& message);
    std::string answer_control(const Message& message) const;
    std::string start_transaction(ClientId client);
    std::string end_transaction(ClientId client, const Message& message);
    std::string directory_part(Caller caller, const Arguments& arguments);

    void introduce(std::uint32_t domid, std::uint64_t mfn, std::uint32_t port);
    void release(std::uint32_t domid);
    Introduced& introduced(std::uint32_t domid);
    void reset(ClientId client);
    void reset_clients_of(std::uint32_t domid);

    void fire(const Change& change);
    void fire_special(const char* name);
    void send_event(const WatchEvent& event);
    void send_message(ClientId client, const Message& message);

    Surroundings& surroundings_;
    Store store_;
    Watches watches_;
    std::map<ClientId, Client> clients_;
    std::map<std::uint32_t, Introduced> introduced_;
};

}  // namespace fakexen::store
