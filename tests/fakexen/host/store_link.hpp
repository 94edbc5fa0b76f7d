// SPDX-License-Identifier: LGPL-2.1-or-later
// What the host does for the store that lives in it.
#pragma once

#include "tests/fakexen/protocol/store_port.hpp"

namespace fakexen {

class Server;

class ServerStoreLink final : public StoreLink {
public:
    explicit ServerStoreLink(Server& server) : server_{server} {}
    void send(StoreConnection to, std::span<const std::byte> octets) override;
    std::optional<std::span<std::byte>> ring_page(std::uint32_t domid, std::uint64_t mfn) override;
    bool bind(std::uint32_t domid, std::uint32_t port) override;
    void notify(std::uint32_t domid, std::uint32_t port) override;
    bool domain_exists(std::uint32_t domid) override;

private:
    Server& server_;
};

}  // namespace fakexen
