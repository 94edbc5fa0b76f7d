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

/// The pfn of the entry that is number `index` among those with contents.
std::uint64_t pfn_with_contents(const PageBatch& batch, std::size_t index)
{
    for (const PageEntry& entry : batch.entries) {
        if (has_contents(entry) && index-- == 0) {
            return entry.pfn.number();
        }
    }
    return batch.entries.back().pfn.number();
}

/// Takes entries out of a batch that is in the making, by their index, and keeps the rest in order.
template <typename Deferred>
void defer_if(PageBatch& batch, Deferred&& is_deferred)
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        if (is_deferred(i)) {
            batch.deferred.push_back(batch.entries[i].pfn);
        } else {
            batch.entries[kept] = batch.entries[i];
            batch.gfns[kept++] = batch.gfns[i];
        }
    }
    batch.entries.erase(batch.entries.begin() + static_cast<std::ptrdiff_t>(kept),
                        batch.entries.end());
    batch.gfns.resize(kept);
}

}  // namespace

void PageBatchPreparer::prepare(std::span<const Pfn> pfns, PageBatch& batch)
{
    assert(pfns.size() <= PageBatch::max_pages);
    batch.deferred.clear();
    look_up(pfns, batch);
    if (!batch.entries.empty()) {
        ask_types(batch);
    }
    if (guest_runs(kind_)) {
        // On its way in or out, so it seems: what it is will show once the guest stands still.
        defer_if(batch, [&](std::size_t i) { return !has_contents(batch.entries[i]); });
    }
    map(batch);
    gather(batch);
}

void PageBatchPreparer::look_up(std::span<const Pfn> pfns, PageBatch& batch) const
{
    batch.gfns.clear();
    batch.entries.clear();
    for (const Pfn pfn : pfns) {
        // A pfn that never had a frame is not mentioned: to a reader it is what it would be as an XTAB.
        if (const auto mfn = guest_.p2m().mfn_of(pfn)) {
            batch.gfns.push_back(mfn->number());
            batch.entries.push_back({pfn, PageType::xtab});
        } else if (kind_ == PassKind::rest) {
            batch.gfns.push_back(PageTypeQuery::no_frame);
            batch.entries.push_back({pfn, PageType::xtab});
        } else if (kind_ == PassKind::live) {
            // It may get back the very frame that it was sent with: nothing but this says that it changed.
            batch.deferred.push_back(pfn);
        }
    }
}

void PageBatchPreparer::ask_types(PageBatch& batch) const
{
    batch.types.resize(batch.gfns.size(), PageType::xtab);
    query_.ask(batch.gfns, batch.types,
               [&batch](std::size_t i) { return batch.entries[i].pfn.number(); });
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        PageEntry& entry = batch.entries[i];
        entry.type = tables_in_use_ != nullptr
                         ? tables_in_use_->type_in_use(entry.pfn, batch.types[i])
                         : batch.types[i];
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
    if (batch.to_map.empty()) {
        batch.mapping = {};
        return;
    }
    const auto pfn_of = [&batch](std::size_t i) { return pfn_with_contents(batch, i); };
    batch.mapping = guest_runs(kind_) ? mapper_.map_some(batch.to_map, Access::read, pfn_of)
                                      : mapper_.map(batch.to_map, Access::read, pfn_of);
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
    batch.nr_with_contents = 0;
    std::size_t mapped = 0;
    std::size_t table = 0;
    defer_if(batch, [&](std::size_t i) {
        const PageEntry& entry = batch.entries[i];
        if (!has_contents(entry)) {
            return false;
        }
        const std::size_t at = is_table(entry.type) ? table++ * page_size : 0;
        const auto copy = std::span{batch.tables}.subspan(at);
        const bool gathered = gather_page(entry, mapped++, copy, batch);
        batch.nr_with_contents += gathered ? 1U : 0U;
        return !gathered;
    });
}

/// Adds the page that was mapped as number `mapped`. @return false if it is to be deferred
bool PageBatchPreparer::gather_page(const PageEntry& entry, std::size_t mapped,
                                    std::span<std::byte> copy, PageBatch& batch) const
{
    if (!mapper_.has_mapped(mapped)) {
        return false;
    }
    const std::span<const std::byte> page = batch.mapping.page(mapped);
    if (!is_table(entry.type)) {
        add_part(batch.contents, page);
        return true;
    }
    const TableOutcome outcome =
        normalise_table(page.first<page_size>(), copy.first<page_size>(), entry.type, guest_.abi(),
                        guest_.compat_m2p(), guest_.translator());
    if (outcome) {
        add_part(batch.contents, copy.first(page_size));
        return true;
    }
    if (guest_runs(kind_)) {
        return false;
    }
    throw to_error(outcome, entry.pfn, entry.type);
}

}  // namespace sr
