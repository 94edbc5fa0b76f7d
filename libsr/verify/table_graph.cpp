// SPDX-License-Identifier: LGPL-2.1-or-later
// Following page tables from their roots.
#include "libsr/verify/table_graph.hpp"

#include <cinttypes>
#include <set>
#include <utility>

namespace sr {

void TableGraph::set(Pfn table, std::vector<Entry> entries)
{
    if (const auto old = tables_.find(table.number()); old != tables_.end()) {
        nr_entries_ -= old->second.size();
        tables_.erase(old);
    }
    if (entries.empty()) {
        return;
    }
    if (entries.size() > entries_max - nr_entries_) {
        complete_ = false;
        return;
    }
    nr_entries_ += entries.size();
    tables_.emplace(table.number(), std::move(entries));
}

void TableGraph::check(const PageTypes& types, Findings& findings) const
{
    std::vector<Pfn> found = roots_;
    for (const auto& [pfn, entries] : tables_) {
        const auto type = types.find(Pfn{pfn});
        if (type && is_pinned(*type)) {
            found.emplace_back(pfn);
        }
    }
    std::set<std::uint64_t> seen;
    while (!found.empty()) {
        const Pfn table = found.back();
        found.pop_back();
        const auto type = types.find(table);
        if (type && table_level(*type) >= 2 && seen.insert(table.number()).second) {
            check_table(table, table_level(*type), types, findings, found);
        }
    }
}

/// One table; appends the tables it names to `found`.
void TableGraph::check_table(Pfn table, unsigned level, const PageTypes& types, Findings& findings,
                             std::vector<Pfn>& found) const
{
    const auto entries = tables_.find(table.number());
    if (entries == tables_.end()) {
        return;
    }
    for (const Entry& entry : entries->second) {
        const auto target = types.find(Pfn{entry.pfn});
        if (!target || !has_contents(*target)) {
            findings.deviation(FindingKind::semantic,
                               "L%u table pfn %#" PRIx64 ": slot %u names pfn %#" PRIx32
                               ", which the stream has %s",
                               level, table.number(), entry.slot, entry.pfn,
                               target ? "without contents" : "not listed");
        } else if (table_level(*target) == level - 1) {
            found.emplace_back(entry.pfn);
        } else if (table_level(*target) !=
                   level) {  // a table may map itself or its like, read-only
            findings.error(FindingKind::semantic,
                           "L%u table pfn %#" PRIx64 ": slot %u names pfn %#" PRIx32
                           ", which is %s and no table of level %u",
                           level, table.number(), entry.slot, entry.pfn, to_string(*target),
                           level - 1);
        }
    }
}

}  // namespace sr
