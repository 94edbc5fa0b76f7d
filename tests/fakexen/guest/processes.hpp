// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables that come and go: address spaces, pinned or held by a vCPU's cr3, and what is left of
// them.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Builds the process in a free slot: a pinned table of level 1 to 3 with what is below it, or a
/// whole address space, pinned or held by the vCPU of that number.
/// @return false if memory for it could not be found
bool build_process(Kernel& kernel, std::size_t index, unsigned top, Hold hold);

/// What the process in a slot is held by.
[[nodiscard]] Hold hold_of_slot(const Kernel& kernel, std::size_t index);

/// Lets go of a process' tables. Each becomes plain memory again, at once or (stale) later, or for good stays what it is:
/// octets that nobody takes for a table any more.
void drop_process(Kernel& kernel, std::size_t index, bool for_good);

/// Drops a pinned process for good, and gives back the frames that its L1 names: a hypervisor or a saver that still takes
/// the page for a table finds entries in it that nobody can translate.
void leave_stale_tables(Kernel& kernel, std::size_t index);

/// Changes one entry of a process' L1.
void change_entry(Kernel& kernel, std::size_t index);

/// One quantum's share.
void work_on_processes(Kernel& kernel);

/// What a table entry looks like in a twin: the frame of a present entry as a pfn. Nothing if it
/// names a frame that is not the guest's.
[[nodiscard]] std::optional<std::uint64_t> normalised(const Kernel& kernel, std::uint64_t entry);

/// Bits of an entry that Xen or a CPU may change.
inline constexpr std::uint64_t changeable_bits = pte::user | pte::accessed | pte::dirty | 1U << 8;

}  // namespace fakexen::guest
