// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain in the making: there until it is kept, gone without a trace if it is not.
#pragma once

#include "tools/toolstack/domain_entries.hpp"
#include "tools/toolstack/toolstack.hpp"

namespace sr {

/// Owns a domain that is being restored. Destroys it, xenstore entries included, unless keep()
/// came.
class NewDomain {
public:
    /// Creates the domain, paused and without memory, with its ports and entries. A UUID that
    /// another domain of this host has is replaced by a random one. @throws Error{hypervisor},
    /// Error{usage} if the name is in use, Error{unsupported} for a type that cannot be created
    /// here
    NewDomain(Toolstack& toolstack, DomainConfig config);
    NewDomain(const NewDomain&) = delete;
    NewDomain& operator=(const NewDomain&) = delete;
    ~NewDomain();

    [[nodiscard]] DomId id() const noexcept { return created_.id; }
    /// The highest version of grant tables that its guest may switch to.
    [[nodiscard]] unsigned max_grant_version() const noexcept { return created_.max_grant_version; }
    [[nodiscard]] const DomainConfig& config() const noexcept { return config_; }
    [[nodiscard]] std::uint32_t store_port() const noexcept { return store_port_; }
    [[nodiscard]] std::uint32_t console_port() const noexcept { return console_port_; }

    /// The guest is complete: tells xenstored and the console daemon where its rings are.
    void introduce(std::uint64_t store_frame, std::uint64_t console_frame);
    /// From now on it stays.
    void keep() noexcept { is_kept_ = true; }

private:
    Toolstack& toolstack_;
    DomainConfig config_;
    CreatedDomain created_;
    std::uint32_t store_port_ = 0;
    std::uint32_t console_port_ = 0;
    bool is_kept_ = false;
};

}  // namespace sr
