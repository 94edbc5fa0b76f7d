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

/// Levels of a guest's page tables: their top is an L4 or, for a 32-bit guest, an L3.
enum class Levels : std::uint8_t { pae = 3, long_mode = 4 };

/// Where the L1 entry of a virtual address is, in the tree under `root`; nothing where a level is absent.
[[nodiscard]] std::optional<L1Place> find_l1_entry(const Machine& machine, Mfn root,
                                                   std::uint64_t address, Levels levels);

/// The frame that a virtual address is mapped to.
[[nodiscard]] std::optional<Mfn> find_frame(const Machine& machine, Mfn root, std::uint64_t address,
                                            Levels levels);

}  // namespace fakexen
