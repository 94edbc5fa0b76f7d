// SPDX-License-Identifier: LGPL-2.1-or-later
// The seam between the host's event loop and the xenstore that lives in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace fakexen {

/// One connection that speaks to the store. Never used again after it closed.
using StoreConnection = std::uint64_t;

/// What the host does for the store. Outlives it.
class StoreLink {
public:
    StoreLink() = default;
    StoreLink(const StoreLink&) = delete;
    StoreLink& operator=(const StoreLink&) = delete;
    virtual ~StoreLink() = default;

    /// Queues one store message (a reply or a watch event). Never blocks; silently dropped if the
    /// peer is gone.
    virtual void send(StoreConnection to, std::span<const std::byte> octets) = 0;

    /// The store ring page of a domain that was introduced with it (machine frame `mfn`), or
    /// nothing if that frame is not the domain's. Valid until the store returns to the event loop.
    virtual std::optional<std::span<std::byte>> ring_page(std::uint32_t domid,
                                                          std::uint64_t mfn) = 0;

    /// Binds a port of dom0 to a domain's unbound `port`, as xenstored does for a domain that is introduced; from
    /// then on its kicks come by StorePort::event. @return false if that port is not there for dom0
    virtual bool bind(std::uint32_t domid, std::uint32_t port) = 0;

    /// Raises the domain's event channel `port`.
    virtual void notify(std::uint32_t domid, std::uint32_t port) = 0;

    virtual bool domain_exists(std::uint32_t domid) = 0;
};

/// The store as the host sees it: all calls come on the event loop, none may block.
class StorePort {
public:
    StorePort() = default;
    StorePort(const StorePort&) = delete;
    StorePort& operator=(const StorePort&) = delete;
    virtual ~StorePort() = default;

    /// One store message of a client. domid is 0 for a dom0 client, else the guest's. The first
    /// message of a connection makes it known to the store.
    virtual void message(StoreConnection from, std::uint32_t domid,
                         std::span<const std::byte> octets) = 0;
    virtual void closed(StoreConnection connection) = 0;

    /// A domain shut down, or is gone (VIRQ_DOM_EXC): fires @releaseDomain.
    virtual void domain_released(std::uint32_t domid, bool gone) = 0;

    /// The domain kicked its store event channel (`port` is the guest's).
    virtual void event(std::uint32_t domid, std::uint32_t port) = 0;

    /// Entries under /local/domain/DOMID, "path = value" a line, for `fakexen show`.
    virtual std::string dump(std::uint32_t domid) = 0;
};

/// Made by tests/fakexen/store. Until that exists the host has no store and refuses store messages.
std::unique_ptr<StorePort> make_store(StoreLink& link);

}  // namespace fakexen
