// SPDX-License-Identifier: LGPL-2.1-or-later
// Store messages, ring pages and event channels for the store.
#include "tests/fakexen/host/server.hpp"

namespace fakexen {

// A host that is built without tests/fakexen/store has no store.
__attribute__((weak)) std::unique_ptr<StorePort> make_store(StoreLink&)
{
    return nullptr;
}

void ServerStoreLink::send(StoreConnection to, std::span<const std::byte> octets)
{
    const auto at = server_.connections_.find(to);
    if (at != server_.connections_.end()) {
        at->second.send(packet_of(protocol::Store{}), octets);
    }
}

std::optional<std::span<std::byte>> ServerStoreLink::ring_page(std::uint32_t domid,
                                                               std::uint64_t mfn)
{
    const Domain* domain = server_.xen_.domain(domid);
    const Mfn frame{mfn};
    if (domain == nullptr || !server_.xen_.machine.is_ram(frame) ||
        server_.xen_.machine.frame(frame).owner != domain) {
        return std::nullopt;
    }
    return server_.xen_.machine.contents(frame);
}

bool ServerStoreLink::bind(std::uint32_t domid, std::uint32_t port)
{
    Domain* domain = server_.xen_.domain(domid);
    return domain != nullptr && server_.xen_.bind_event(server_.xen_.dom0(), *domain, port) > 0;
}

void ServerStoreLink::notify(std::uint32_t domid, std::uint32_t port)
{
    if (Domain* domain = server_.xen_.domain(domid)) {
        server_.xen_.raise_event(*domain, port);
    }
}

bool ServerStoreLink::domain_exists(std::uint32_t domid)
{
    const Domain* domain = server_.xen_.domain(domid);
    return domain != nullptr && domain->life == Life::alive;
}

}  // namespace fakexen
