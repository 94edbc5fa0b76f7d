// SPDX-License-Identifier: LGPL-2.1-or-later
// The first page tables of a new guest, in terms of pfns, before they are written to its memory.
#pragma once

#include "tests/fakexen/guest/abi.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace fakexen::guest {

/// Grows tables as addresses are prepared, taking pfns from a range.
class PageTables {
public:
    struct Table {
        Pfn pfn = 0;
        unsigned level = 0;
        std::array<std::uint64_t, entries_per_table> entries{};  ///< frame fields hold pfns
    };

    /// @param first,limit  pfns the tables may take; the first is the top table
    PageTables(const Abi& abi, Pfn first, Pfn limit);

    /// Makes sure that there is a leaf table for va. @throws std::length_error when out of pfns
    void prepare(Va va) { (void)leaf_of(va); }
    /// Maps the page at va.
    void map(Va va, Pfn pfn, std::uint64_t flags);

    [[nodiscard]] const std::vector<Table>& tables() const noexcept { return tables_; }
    [[nodiscard]] Pfn next_pfn() const noexcept { return next_; }

private:
    std::size_t leaf_of(Va va);
    std::size_t add_table(unsigned level);

    const Abi& abi_;
    Pfn next_;
    Pfn limit_;
    std::vector<Table> tables_;
    std::map<std::pair<unsigned, Va>, std::size_t>
        index_;  ///< by level and the address bits above it
};

}  // namespace fakexen::guest
