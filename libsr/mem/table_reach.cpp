// SPDX-License-Identifier: LGPL-2.1-or-later
// Reaching tables.
#include "libsr/mem/table_reach.hpp"

#include <algorithm>

namespace sr {

TableReach::TableReach(const GuestAbi& abi, Pfn highest) : abi_{&abi}, tables_{highest.number()} {}

void TableReach::note(Pfn pfn, PageType type)
{
    if (!is_table(type)) {
        return;
    }
    ++nr_tables_;
    tables_.set(pfn.number(), static_cast<std::uint8_t>(table_level(type)));
    if (is_pinned(type)) {
        reach(pfn);
    }
}

void TableReach::add_root(Pfn pfn)
{
    if (level_of(pfn) == abi_->levels) {
        reach(pfn);
    }
}

bool TableReach::take(std::size_t max, std::vector<Pfn>& tables)
{
    const auto nr = static_cast<std::ptrdiff_t>(std::min(max, to_look_at_.size()));
    tables.assign(to_look_at_.end() - nr, to_look_at_.end());
    to_look_at_.erase(to_look_at_.end() - nr, to_look_at_.end());
    return !tables.empty();
}

/// An entry of a table of `level` names this page. Its table is one level down; or of the same level,
/// and then it is a table that was in use when the guest made the entry, which keeps it so ("linear"
/// page tables).
void TableReach::reach_from(unsigned level, Pfn pfn)
{
    const unsigned target = level_of(pfn);
    if (target != 0 && (target == level - 1 || target == level)) {
        reach(pfn);
    }
}

void TableReach::reach(Pfn pfn)
{
    const std::uint8_t table = tables_.find(pfn.number());
    if ((table & reached_bit) != 0) {
        return;
    }
    ++nr_reached_;
    tables_.set(pfn.number(), table | reached_bit);
    if ((table & level_mask) > 1) {  // entries of an L1 hold no tables
        to_look_at_.push_back(pfn);
    }
}

}  // namespace sr
