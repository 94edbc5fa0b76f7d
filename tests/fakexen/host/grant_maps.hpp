// SPDX-License-Identifier: LGPL-2.1-or-later
// Mapping another domain's frames by grant, into the page tables of a PV guest: GNTTABOP_{map,unmap}_grant_ref.
#pragma once

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"

namespace fakexen {

/// Maps a grant into an L1 entry of the caller: that of a virtual address, or with GNTMAP_contains_pte the one at a
/// machine address. The entry holds a reference of the frame, and a writable type reference unless it is read-only; the
/// grant's status says that it is in use. With GNTMAP_device_map the mapping itself holds the references, and there is no
/// entry. Fills handle and dev_bus_addr. @return GNTST_…
[[nodiscard]] std::int16_t map_grant(Hypervisor& xen, const Caller& caller,
                                     gnttab_map_grant_ref_t& request);

/// Unmaps by handle and the address given to the map. @return GNTST_…
[[nodiscard]] std::int16_t unmap_grant(Hypervisor& xen, const Caller& caller,
                                       const gnttab_unmap_grant_ref_t& request);

/// What a process of dom0's asks of gntdev.
struct ProcessGrant {
    pid_t process = 0;
    std::uint64_t address = 0;  ///< where the page is to be
    bool writable = false;
    MappedGrant grant;
};

/// Maps a grant into a process of the mapper's: one more use of it, and the references of a foreign mapping. All of it ends
/// with the mapping (ForeignMaps). @return the frame's offset in the memory file, or -EINVAL as gntdev has it
[[nodiscard]] std::int64_t map_grant_into_process(Hypervisor& xen, const Domain& mapper,
                                                  const ProcessGrant& wanted);

/// The end of such a mapping.
void end_process_grant(Hypervisor& xen, const MappedGrant& grant, Mfn frame, bool writable);

/// A dying domain's mappings are given up. The references are its page tables', and go with them; those of
/// mappings for devices go here.
void release_grants(Hypervisor& xen, Domain& mapper);

}  // namespace fakexen
