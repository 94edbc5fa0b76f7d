// SPDX-License-Identifier: LGPL-2.1-or-later
// Making the empty domain that a guest is restored into.
#include "tools/toolstack/create.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>

namespace sr {
namespace {

/// Checks what would clash with the domains that are there, and returns the configuration to use.
DomainConfig made_unique(Toolstack& toolstack, DomainConfig config)
{
    if (config.type != GuestKind::pv) {
        throw Error{Errc::unsupported,
                    "cannot create a %s domain yet: only PV domains can be restored",
                    to_string(config.type)};
    }
    for (const NamedDomain& other : toolstack.list()) {
        if (other.name == config.name) {
            throw Error{Errc::usage, "the name '%s' is in use by domain %u: choose another",
                        config.name.c_str(), other.state.id};
        }
        if (other.state.uuid == config.uuid) {
            config.uuid = random_uuid();
        }
    }
    return config;
}

}  // namespace

NewDomain::NewDomain(Toolstack& toolstack, DomainConfig config)
    : toolstack_{toolstack}, config_{made_unique(toolstack, std::move(config))},
      id_{toolstack_.control().create(config_)}
{
    try {
        store_port_ = toolstack_.control().new_port(id_);
        console_port_ = toolstack_.control().new_port(id_);
        toolstack_.store().transaction(
            [&](const StoreView& store) { write_domain_entries(store, id_, config_); });
    } catch (...) {
        // The destructor of a half-made object does not run.
        try {
            toolstack_.destroy(id_);
        } catch (const Error&) {
            // The first failure is the one to report.
        }
        throw;
    }
}

NewDomain::~NewDomain()
{
    if (is_kept_) {
        return;
    }
    try {
        toolstack_.destroy(id_);
    } catch (const std::exception&) {
        // Nothing to be done: whoever asked is told of the failure that led here.
    }
}

void NewDomain::introduce(std::uint64_t store_frame, std::uint64_t console_frame)
{
    toolstack_.store().transaction([&](const StoreView& store) {
        write_ring_entries(store, id_, {store_frame, store_port_}, {console_frame, console_port_});
    });
    toolstack_.store().introduce(id_, store_frame, store_port_);
    toolstack_.control().limit_memory(id_, config_.target_memory_kib);
}

}  // namespace sr
