// SPDX-License-Identifier: LGPL-2.1-or-later
// From pfns to pages ready to be written.
#include "libsr/save/page_batch.hpp"

#include "libsr/base/io.hpp"
#include "libsr/mem/normalise.hpp"

#include <algorithm>
#include <cassert>

namespace sr {
namespace {

/// Adds a page to the parts, or lengthens the last one if the page lies right behind it.
void add_part(std::vector<iovec>& parts, std::span<const std::byte> page)
{
    if (!parts.empty()) {
        iovec& last = parts.back();
        if (static_cast<const std::byte*>(last.iov_base) + last.iov_len == page.data()) {
            last.iov_len += page.size();
            return;
        }
    }
    parts.push_back(iovec_of(page));
}

}  // namespace

void PageBatchPreparer::prepare(std::span<const Pfn> pfns, PageBatch& batch)
{
    assert(pfns.size() <= PageBatch::max_pages);
    look_up(pfns, batch);
    map(batch);
    gather(batch);
}

void PageBatchPreparer::look_up(std::span<const Pfn> pfns, PageBatch& batch) const
{
    batch.gfns.clear();
    batch.entries.clear();
    for (const Pfn pfn : pfns) {
        // A pfn without a frame is not mentioned: to a reader it is what it would be as an XTAB.
        if (const auto mfn = guest_.p2m().mfn_of(pfn)) {
            batch.gfns.push_back(mfn->number());
            batch.entries.push_back({pfn, PageType::xtab});
        }
    }
    if (batch.entries.empty()) {
        return;
    }
    batch.types.resize(batch.gfns.size(), PageType::xtab);
    query_.ask(batch.gfns, batch.types);
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        batch.entries[i].type = batch.types[i];
    }
}

void PageBatchPreparer::map(PageBatch& batch)
{
    batch.to_map.clear();
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        if (has_contents(batch.entries[i])) {
            batch.to_map.push_back(batch.gfns[i]);
        }
    }
    batch.nr_with_contents = batch.to_map.size();
    if (batch.to_map.empty()) {
        batch.mapping = {};
    } else {
        batch.mapping = mapper_.map(batch.to_map, Access::read);
    }
}

void PageBatchPreparer::gather(PageBatch& batch) const
{
    const auto nr_tables = static_cast<std::size_t>(
        std::count_if(batch.entries.begin(), batch.entries.end(),
                      [](const PageEntry& entry) { return is_table(entry.type); }));
    if (batch.tables.size() < nr_tables * page_size) {
        batch.tables.resize(nr_tables * page_size);
    }
    batch.contents.clear();
    std::size_t mapped = 0;
    std::size_t table = 0;
    for (const PageEntry& entry : batch.entries) {
        if (!has_contents(entry)) {
            continue;
        }
        const std::span<const std::byte> page = batch.mapping.page(mapped++);
        if (is_table(entry.type)) {
            const auto copy = std::span{batch.tables}.subspan(table++ * page_size, page_size);
            add_part(batch.contents, normalised(entry, page, copy));
        } else {
            add_part(batch.contents, page);
        }
    }
}

std::span<const std::byte> PageBatchPreparer::normalised(const PageEntry& entry,
                                                         std::span<const std::byte> page,
                                                         std::span<std::byte> copy) const
{
    const TableOutcome outcome =
        normalise_table(page.first<page_size>(), copy.first<page_size>(), entry.type, guest_.abi(),
                        std::nullopt, guest_.translator());
    if (!outcome) {
        throw to_error(outcome, entry.pfn, entry.type);
    }
    return copy;
}

}  // namespace sr
