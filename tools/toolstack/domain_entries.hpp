// SPDX-License-Identifier: LGPL-2.1-or-later
// What xenstore holds of a domain: the entries that guests, xl and the console daemon look for.
#pragma once

#include "tools/toolstack/control.hpp"
#include "tools/toolstack/xenstore.hpp"

#include <string>

namespace sr {

/// A ring page and the guest's port of an event channel: how a guest reaches xenstored or its
/// console.
struct RingEntry {
    std::uint64_t frame = 0;
    std::uint32_t port = 0;
};

[[nodiscard]] std::string domain_path(DomId domid);  ///< "/local/domain/7"
[[nodiscard]] std::string libxl_path(DomId domid);   ///< "/libxl/7", where xl looks for a type

/// Beneath libxl_path: limits of the grant table that the domain's configuration sets. No hypercall tells them, and
/// who saves the domain must not lose them.
inline constexpr const char* grant_version_node = "/libsr-max-grant-version";
inline constexpr const char* grant_frames_node = "/libsr-max-grant-frames";

/// Writes name, sizes, vCPUs, control nodes with the guest's rights to them; replaces what was
/// there. The domain is marked incomplete: should its maker be killed, others can tell.
void write_domain_entries(const StoreView& store, DomId domid, const DomainConfig& config);

/// Writes where the rings are, once the guest's memory is there.
void write_ring_entries(const StoreView& store, DomId domid, const RingEntry& xenstore,
                        const RingEntry& console);

[[nodiscard]] bool is_marked_incomplete(const StoreView& store, DomId domid);
void mark_complete(const StoreView& store, DomId domid);

/// Removes all that write_domain_entries wrote; /vm/UUID only if no other domain points to it.
void remove_domain_entries(const StoreView& store, DomId domid);

}  // namespace sr
