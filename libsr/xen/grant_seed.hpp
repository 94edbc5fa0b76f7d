// SPDX-License-Identifier: LGPL-2.1-or-later
// The two grant entries that a toolstack makes for a guest: its console and xenstore rings.
#pragma once

#include "libsr/xen/domain.hpp"

#include <cstdint>
#include <optional>

namespace sr {

/// A page of the guest and the domain that may map it.
struct GrantedRing {
    std::uint64_t gfn;  ///< mfn of a PV domain
    std::uint32_t backend_domid;
};

/// Writes entries 0 (console) and 1 (xenstore) of the domain's v1 grant table; one that is absent,
/// or whose backend is the domain itself, is left alone. Status frames are not touched.
/// @throws Error{hypervisor}, Error{limit} for a frame number that an entry cannot hold
void seed_grant_table(const Domain& domain, const std::optional<GrantedRing>& console,
                      const std::optional<GrantedRing>& xenstore);

}  // namespace sr
