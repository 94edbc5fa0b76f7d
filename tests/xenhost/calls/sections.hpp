// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of the transcript, in their order.
#pragma once

#include "tests/xenhost/calls/domain.hpp"

namespace calls {

void try_host(Machine& machine);        ///< versions, the M2P's frames, sysctls
void try_creation(Machine& machine);    ///< domains made, looked at, paused, shut down
void try_settings(Machine& machine);    ///< width, TSC, policies, what is for HVM only
void try_memory(Machine& machine);      ///< frames given and taken
void try_mappings(Machine& machine);    ///< foreign mappings and resources
void try_tables(Machine& machine);      ///< page tables of a 64-bit guest
void try_entries(Machine& machine);     ///< what an entry may say
void try_updates(Machine& machine);     ///< mmu_update and mmuext_op on another domain
void try_vcpus(Machine& machine);       ///< contexts, and what a vCPU has beside
void try_log_dirty(Machine& machine);   ///< shadow_op
void try_events(Machine& machine);      ///< event channels, and grant tables in short
void try_grants(Machine& machine);      ///< sizes and versions of grant tables
void try_grant_maps(Machine& machine);  ///< granted pages mapped
void try_end(Machine& machine);         ///< dying domains
void try_pae(Machine& machine);         ///< a 32-bit guest

}  // namespace calls
