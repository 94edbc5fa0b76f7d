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
    if (const auto other = toolstack.find_by_name(config.name)) {
        throw Error{Errc::usage, "the name '%s' is in use by domain %u: choose another",
                    config.name.c_str(), other->state.id};
    }
    const auto domains = toolstack.list();
    if (std::any_of(domains.begin(), domains.end(),
                    [&](const NamedDomain& other) { return other.state.uuid == config.uuid; })) {
        config.uuid = random_uuid();
    }
    return config;
}

}  // namespace

NewDomain::NewDomain(Toolstack& toolstack, DomainConfig config)
    : toolstack_{toolstack}, config_{made_unique(toolstack, std::move(config))},
      created_{toolstack_.control().create(config_)}
{
    try {
        store_port_ = toolstack_.control().new_port(id());
        console_port_ = toolstack_.control().new_port(id());
        toolstack_.store().transaction(
            [&](const StoreView& store) { write_domain_entries(store, id(), config_); });
    } catch (...) {
        // The destructor of a half-made object does not run.
        try {
            toolstack_.destroy(id());
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
        toolstack_.destroy(id());
    } catch (const std::exception&) {
        // Nothing to be done: whoever asked is told of the failure that led here.
    }
}

void NewDomain::introduce(std::uint64_t store_frame, std::uint64_t console_frame)
{
    toolstack_.store().transaction([&](const StoreView& store) {
        write_ring_entries(store, id(), {store_frame, store_port_}, {console_frame, console_port_});
    });
    toolstack_.store().introduce(id(), store_frame, store_port_);
    toolstack_.control().limit_memory(id(), config_.target_memory_kib);
    mark_complete(toolstack_.store().now(), id());
}

}  // namespace sr
