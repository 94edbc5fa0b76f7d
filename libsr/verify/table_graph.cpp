// SPDX-License-Identifier: LGPL-2.1-or-later
// Following page tables from their roots.
#include "libsr/verify/table_graph.hpp"

#include <algorithm>
#include <cinttypes>
#include <utility>

namespace sr {
namespace {

/// The slot of a PAE L3 for the addresses from 0xc0000000 on, Xen's among them.
constexpr unsigned xen_l3_slot = 3;

}  // namespace

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

void TableGraph::check(const GuestAbi& abi, const PageTypes& types, Findings& findings) const
{
    const Tables in_use = walk(types, findings);
    if (abi.width == GuestWidth::bits32 && complete_) {
        check_pae(in_use, abi, types, findings);
    }
}

TableGraph::Tables TableGraph::walk(const PageTypes& types, Findings& findings) const
{
    std::vector<Pfn> found = roots_;
    for (const auto& [pfn, entries] : tables_) {
        const auto type = types.find(Pfn{pfn});
        if (type && is_pinned(*type)) {
            found.emplace_back(pfn);
        }
    }
    Tables seen;
    while (!found.empty()) {
        const Pfn table = found.back();
        found.pop_back();
        const auto type = types.find(table);
        if (type && table_level(*type) >= 2 && seen.insert(table.number()).second) {
            check_table(table, table_level(*type), types, findings, found);
        }
    }
    return seen;
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

/// Xen validates the L2 in slot 3 of a PAE L3 as one that holds entries of its own. It has to be there, in no other
/// place, and cannot be pinned.
void TableGraph::check_pae(const Tables& in_use, const GuestAbi& abi, const PageTypes& types,
                           Findings& findings) const
{
    std::map<std::uint32_t, std::uint64_t> uses;
    std::vector<std::pair<Pfn, Pfn>> xen_l2s;
    for (const std::uint64_t table : in_use) {
        const auto type = types.find(Pfn{table});
        if (!type || table_level(*type) != abi.levels) {
            continue;
        }
        const auto entries = tables_.find(table);
        bool has_xen_l2 = false;
        for (const Entry& entry :
             entries != tables_.end() ? entries->second : std::vector<Entry>{}) {
            ++uses[entry.pfn];
            if (entry.slot == xen_l3_slot) {
                xen_l2s.emplace_back(table, entry.pfn);
                has_xen_l2 = true;
            }
        }
        if (!has_xen_l2) {
            findings.error(FindingKind::semantic,
                           "L3 table pfn %#" PRIx64 ": slot 3 is empty, where Xen needs a table",
                           table);
        }
    }
    for (const auto& [l3, l2] : xen_l2s) {
        check_xen_l2(l3, l2, abi, types, findings);
        if (uses[static_cast<std::uint32_t>(l2.number())] > 1) {
            findings.error(FindingKind::semantic,
                           "L3 table pfn %#" PRIx64 ": slot 3 names pfn %#" PRIx64
                           ", which another slot names too: Xen has entries of its own in it",
                           l3.number(), l2.number());
        }
    }
}

void TableGraph::check_xen_l2(Pfn l3, Pfn l2, const GuestAbi& abi, const PageTypes& types,
                              Findings& findings) const
{
    if (const auto type = types.find(l2); type && is_pinned(*type)) {
        findings.error(FindingKind::semantic,
                       "L3 table pfn %#" PRIx64 ": slot 3 names pfn %#" PRIx64
                       ", which is pinned: Xen has entries of its own in it",
                       l3.number(), l2.number());
    }
    const auto entries = tables_.find(l2.number());
    if (entries == tables_.end()) {
        return;
    }
    const SlotRange xen = abi.compat_m2p_slots(2);
    const auto found = std::ranges::find_if(
        entries->second, [&](const Entry& entry) { return xen.contains(entry.slot); });
    if (found != entries->second.end()) {
        findings.deviation(FindingKind::semantic,
                           "L2TAB pfn %#" PRIx64 ": slot %u is Xen's own and not zero", l2.number(),
                           found->slot);
    }
}

}  // namespace sr
