// SPDX-License-Identifier: LGPL-2.1-or-later
// A batch of pages on its way out: which they are, of what type, and where their contents lie.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/mem/table_reach.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/xen/foreign_mapping.hpp"
#include "libsr/xen/page_types.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace sr {

/// How a pass over memory treats what it finds.
enum class PassKind : std::uint8_t {
    live_first,  ///< the guest runs, and nothing was sent yet: what cannot be read as it should be is deferred
    live,  ///< the same, with what was sent before: also what has no frame just now
    rest,  ///< it stands still: what earlier passes left. What has no frame any more is said to have none
    whole,  ///< it stands still: all that it has
};

[[nodiscard]] constexpr bool guest_runs(PassKind kind) noexcept
{
    return kind == PassKind::live_first || kind == PassKind::live;
}

/// True if a pfn without a frame is something to say, or to come back to.
[[nodiscard]] constexpr bool minds_holes(PassKind kind) noexcept
{
    return kind == PassKind::live || kind == PassKind::rest;
}

/// One PAGE_DATA record's worth of pages, ready to be written. A value that is filled again for
/// each batch; once it has been full, filling it allocates nothing.
struct PageBatch {
    static constexpr std::size_t max_pages = limits::pages_per_record;

    std::vector<PageEntry> entries;
    /// Contents of those entries that have some, in their order, in as few parts as there can be:
    /// runs of `mapping`, and tables of `tables`.
    std::vector<iovec> contents;
    std::uint64_t nr_with_contents = 0;
    /// What was looked up for each entry; PageTypeQuery::no_frame where there is none.
    std::vector<std::uint64_t> gfns;
    /// Pages that are not among the entries, since the guest is at work on them. In a live pass only.
    std::vector<Pfn> deferred;

    ForeignMapping mapping;         ///< keeps `contents` alive
    std::vector<std::byte> tables;  ///< normalised copies of page tables

    // Scratch: what was asked of the hypervisor.
    std::vector<PageType> types;
    std::vector<std::uint64_t> to_map;
};

/// Prepares batches: p2m lookup, types, mapping, normalising. Knows nothing of the stream.
class PageBatchPreparer {
public:
    /// Borrows both.
    PageBatchPreparer(const Domain& domain, const PvGuest& guest)
        : guest_{guest}, query_{domain}, mapper_{domain.host(), domain.domid()}
    {
    }

    /// From now on tables that are not among these are ordinary pages. Borrowed; may be null.
    void set_tables_in_use(const TableReach* tables) noexcept { tables_in_use_ = tables; }

    /// Batches from now on are of such a pass.
    void begin_pass(PassKind kind) noexcept { kind_ = kind; }

    /// True if there is anything to prepare in these pages.
    [[nodiscard]] bool has_work(std::span<const Pfn> pfns) const
    {
        return minds_holes(kind_) || std::any_of(pfns.begin(), pfns.end(), [this](Pfn pfn) {
                   return guest_.p2m().mfn_of(pfn).has_value();
               });
    }

    /// Fills `batch` with these pages, at most PageBatch::max_pages.
    /// @throws Error{guest} naming pfn, level, slot and mfn of a page table that cannot be normalised though the guest
    /// stands still: nothing that it owns is dropped. Error{hypervisor}
    void prepare(std::span<const Pfn> pfns, PageBatch& batch);

private:
    void look_up(std::span<const Pfn> pfns, PageBatch& batch) const;
    void ask_types(PageBatch& batch) const;
    void map(PageBatch& batch);
    void gather(PageBatch& batch) const;
    [[nodiscard]] bool gather_page(const PageEntry& entry, std::size_t mapped,
                                   std::span<std::byte> copy, PageBatch& batch) const;

    const PvGuest& guest_;
    PageTypeQuery query_;
    ForeignMapper mapper_;
    const TableReach* tables_in_use_ = nullptr;
    PassKind kind_ = PassKind::whole;
};

}  // namespace sr
