// SPDX-License-Identifier: LGPL-2.1-or-later
// Growing the first page tables of a guest.
#include "tests/fakexen/guest/page_tables.hpp"

#include <stdexcept>

namespace fakexen::guest {

PageTables::PageTables(const Abi& abi, Pfn first, Pfn limit)
    : abi_{abi}, next_{first}, limit_{limit}
{
    (void)add_table(abi.levels);
}

std::size_t PageTables::add_table(unsigned level)
{
    if (next_ == limit_) {
        throw std::length_error{"the plan keeps too few pages for page tables"};
    }
    Table& table = tables_.emplace_back();
    table.pfn = next_++;
    table.level = level;
    return tables_.size() - 1;
}

std::size_t PageTables::leaf_of(Va va)
{
    std::size_t at = 0;
    for (unsigned level = abi_.levels - 1; level != 0; --level) {
        const auto [found, is_new] = index_.try_emplace({level, va >> (12 + 9 * level)});
        if (is_new) {
            found->second = add_table(level);
            const std::uint64_t flags = level + 1 == abi_.levels ? abi_.top_flags : pte::table;
            tables_[at].entries[Abi::slot(va, level + 1)] =
                pte::make(tables_[found->second].pfn, flags);
        }
        at = found->second;
    }
    return at;
}

void PageTables::map(Va va, Pfn pfn, std::uint64_t flags)
{
    tables_[leaf_of(va)].entries[Abi::slot(va, 1)] = pte::make(pfn, flags);
}

}  // namespace fakexen::guest
