// SPDX-License-Identifier: LGPL-2.1-or-later
// A walk of three or four levels: Intel SDM vol. 3A, "PAE Paging" and "4-Level Paging".
#include "tests/fakexen/host/page_walk.hpp"

#include "tests/fakexen/host/pte.hpp"

namespace fakexen {

std::optional<L1Place> find_l1_entry(const Machine& machine, Mfn root, std::uint64_t address,
                                     Levels levels)
{
    if (levels == Levels::pae && address >> 32 != 0) {
        return std::nullopt;
    }
    Mfn table = root;
    for (unsigned shift = 3 + 9 * static_cast<unsigned>(levels); shift > 12; shift -= 9) {
        if (!machine.is_ram(table)) {
            return std::nullopt;
        }
        const std::uint64_t entry = machine.entries(table)[address >> shift & 511];
        if ((entry & pte::present) == 0 || (entry & pte::large) != 0) {
            return std::nullopt;
        }
        table = pte::frame_of(entry);
    }
    if (!machine.is_ram(table)) {
        return std::nullopt;
    }
    return L1Place{table, static_cast<unsigned>(address >> 12 & 511)};
}

std::optional<Mfn> find_frame(const Machine& machine, Mfn root, std::uint64_t address,
                              Levels levels)
{
    const auto place = find_l1_entry(machine, root, address, levels);
    if (!place) {
        return std::nullopt;
    }
    const std::uint64_t entry = machine.entries(place->table)[place->slot];
    const Mfn mfn = pte::frame_of(entry);
    const bool found = (entry & pte::present) != 0 && machine.is_ram(mfn);
    return found ? std::optional{mfn} : std::nullopt;
}

}  // namespace fakexen
