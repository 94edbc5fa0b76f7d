// SPDX-License-Identifier: LGPL-2.1-or-later
// Walking a guest's page tables in machine memory, as its CPU would.
#pragma once

#include "tests/fakexen/host/machine.hpp"

#include <cstdint>
#include <optional>

namespace fakexen {

struct L1Place {
    Mfn table;
    unsigned slot;
};

/// Where the L1 entry of a virtual address is, in the tree under `root` (an L4); nothing where a level is absent.
[[nodiscard]] std::optional<L1Place> find_l1_entry(const Machine& machine, Mfn root,
                                                   std::uint64_t address);

/// The frame that a virtual address is mapped to.
[[nodiscard]] std::optional<Mfn> find_frame(const Machine& machine, Mfn root,
                                            std::uint64_t address);

}  // namespace fakexen
