// SPDX-License-Identifier: LGPL-2.1-or-later
// Which page tables the upper page tables of a PV guest name, checked once all pages are known.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/pte.hpp"
#include "libsr/verify/finding.hpp"
#include "libsr/verify/page_types.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace sr {

/// The tables of level 2 and up, as they were sent last. Pinning makes Xen validate what is
/// reachable from a pinned table or a cr3, so there every entry must name a table of the level
/// below.
class TableGraph {
public:
    /// Entries to keep, of all tables together: 64 MiB. A guest of 1 TiB has half a million.
    static constexpr std::size_t entries_max = std::size_t{8} << 20;

    struct Entry {
        unsigned slot;
        std::uint32_t pfn;
    };

    /// The page is now a table with these present entries, or with none of interest.
    void set(Pfn table, std::vector<Entry> entries);

    /// A vCPU runs on this table.
    void add_root(Pfn table) { roots_.push_back(table); }

    /// Checks what is reachable. @param types  of all pages at the end of the stream
    void check(const GuestAbi& abi, const PageTypes& types, Findings& findings) const;

    /// False if entries were left out for want of memory.
    [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
    using Tables = std::set<std::uint64_t>;

    /// The tables in use of level 2 and up, each with its entries checked.
    [[nodiscard]] Tables walk(const PageTypes& types, Findings& findings) const;
    void check_table(Pfn table, unsigned level, const PageTypes& types, Findings& findings,
                     std::vector<Pfn>& found) const;
    void check_pae(const Tables& in_use, const GuestAbi& abi, const PageTypes& types,
                   Findings& findings) const;
    void check_xen_l2(Pfn l3, Pfn l2, const GuestAbi& abi, const PageTypes& types,
                      Findings& findings) const;

    std::map<std::uint64_t, std::vector<Entry>> tables_;
    std::vector<Pfn> roots_;
    std::size_t nr_entries_ = 0;
    bool complete_ = true;
};

}  // namespace sr
