// SPDX-License-Identifier: LGPL-2.1-or-later
// The store as the host's event loop sees it: connections and rings become clients of one Service.
#include "tests/fakexen/protocol/store_port.hpp"
#include "tests/fakexen/store/path.hpp"
#include "tests/fakexen/store/ring.hpp"
#include "tests/fakexen/store/service.hpp"

#include <map>

namespace fakexen {

namespace {

using store::ClientId;

/// Ids of ring clients lie above those of connections.
constexpr ClientId ring_client = ClientId{1} << 63;

class Port final : public StorePort, private store::Surroundings {
public:
    explicit Port(StoreLink& link) : link_{link}, service_{*this} {}

    void message(StoreConnection from, std::uint32_t domid,
                 std::span<const std::byte> octets) override;
    void closed(StoreConnection connection) override;
    void domain_released(std::uint32_t domid, bool gone) override;
    void event(std::uint32_t domid, std::uint32_t port) override;
    std::string dump(std::uint32_t domid) override;

private:
    struct Served {
        std::uint64_t mfn = 0;
        std::uint32_t port = 0;
        store::Ring ring;
    };

    bool domain_exists(std::uint32_t domid) override { return link_.domain_exists(domid); }
    void send(ClientId client, std::vector<std::byte> message) override;
    bool ring_introduced(std::uint32_t domid, std::uint64_t mfn, std::uint32_t port) override;
    void ring_released(std::uint32_t domid) override;
    void transmit(std::uint32_t domid, Served& served);

    StoreLink& link_;
    store::Service service_;
    std::map<StoreConnection, std::uint32_t> connections_;
    std::map<std::uint32_t, Served> rings_;
};

void Port::message(StoreConnection from, std::uint32_t domid, std::span<const std::byte> octets)
{
    if (connections_.try_emplace(from, domid).second) {
        service_.connect(from, domid);
    }
    if (octets.size() >= sizeof(xsd_sockmsg) && store::size_of_message(octets) == octets.size()) {
        service_.handle(from, octets);
    }
}

void Port::closed(StoreConnection connection)
{
    if (connections_.erase(connection) != 0) {
        service_.disconnect(connection);
    }
}

void Port::domain_released(std::uint32_t domid, bool gone)
{
    if (gone) {
        service_.domain_gone(domid);
    } else {
        service_.domain_shut_down(domid);
    }
}

void Port::event(std::uint32_t domid, std::uint32_t port)
{
    const auto found = rings_.find(domid);
    if (found == rings_.end() || found->second.port != port) {
        return;
    }
    Served& served = found->second;
    const auto page = link_.ring_page(domid, served.mfn);
    if (!page || !served.ring.receive(*page)) {
        return;
    }
    while (const auto message = served.ring.next_message()) {
        service_.handle(ring_client | domid, *message);
    }
    transmit(domid, served);
}

std::string Port::dump(std::uint32_t domid)
{
    const store::Tree& tree = service_.store().tree();
    const std::string home = store::home_of(domid);
    std::string lines;
    if (tree.find(home) == nullptr) {
        return lines;
    }
    for (const std::string& path : tree.subtree_of(home)) {
        lines += path + " = " + tree.find(path)->value + "\n";
    }
    return lines;
}

void Port::send(ClientId client, std::vector<std::byte> message)
{
    if ((client & ring_client) == 0) {
        link_.send(client, message);
        return;
    }
    const auto domid = static_cast<std::uint32_t>(client);
    Served& served = rings_.at(domid);
    served.ring.queue(message);
    transmit(domid, served);
}

void Port::transmit(std::uint32_t domid, Served& served)
{
    const auto page = link_.ring_page(domid, served.mfn);
    if (page && served.ring.transmit(*page)) {
        link_.notify(domid, served.port);
    }
}

bool Port::ring_introduced(std::uint32_t domid, std::uint64_t mfn, std::uint32_t port)
{
    const auto page = link_.ring_page(domid, mfn);
    const auto known = rings_.find(domid);
    const bool bound = known != rings_.end() && known->second.port == port;
    if (!page || (!bound && !link_.bind(domid, port))) {
        return false;
    }
    Served& served = rings_[domid];
    served.mfn = mfn;
    served.port = port;
    served.ring.reset(*page);
    service_.connect(ring_client | domid, domid);
    return true;
}

void Port::ring_released(std::uint32_t domid)
{
    if (rings_.erase(domid) != 0) {
        service_.disconnect(ring_client | domid);
    }
}

}  // namespace

std::unique_ptr<StorePort> make_store(StoreLink& link)
{
    return std::make_unique<Port>(link);
}

}  // namespace fakexen
