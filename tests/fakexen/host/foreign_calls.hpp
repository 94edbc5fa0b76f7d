// SPDX-License-Identifier: LGPL-2.1-or-later
// What libxenforeignmemory asks of the host: mapping frames of a domain into the caller's process.
#pragma once

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/protocol/messages.hpp"

#include <cstdint>

namespace fakexen {

/// Maps frames. @return 0 @throws Refused
[[nodiscard]] std::int64_t serve_map(Hypervisor& xen, const Caller& caller,
                                     const protocol::Map& request);

/// Maps frames of the grant table, or says how many there can be. @return 0 or that number @throws Refused
[[nodiscard]] std::int64_t serve_map_resource(Hypervisor& xen, const Caller& caller,
                                              const protocol::MapResource& request);

/// Maps pages that were granted to dom0, all or none. @return 0 @throws Refused EINVAL
[[nodiscard]] std::int64_t serve_map_grants(Hypervisor& xen, const Caller& caller,
                                            const protocol::MapGrants& request);

}  // namespace fakexen
