// SPDX-License-Identifier: LGPL-2.1-or-later
// A batch of pages on its way out: which they are, of what type, and where their contents lie.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/save/pv_guest.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/xen/foreign_mapping.hpp"
#include "libsr/xen/page_types.hpp"

#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace sr {

/// One PAGE_DATA record's worth of pages, ready to be written. A value that is filled again for
/// each batch; once it has been full, filling it allocates nothing.
struct PageBatch {
    static constexpr std::size_t max_pages = limits::pages_per_record;

    std::vector<PageEntry> entries;
    /// Contents of those entries that have some, in their order, in as few parts as there can be:
    /// runs of `mapping`, and tables of `tables`.
    std::vector<iovec> contents;
    std::uint64_t nr_with_contents = 0;

    ForeignMapping mapping;         ///< keeps `contents` alive
    std::vector<std::byte> tables;  ///< normalised copies of page tables

    // Scratch: what was asked of the hypervisor.
    std::vector<std::uint64_t> gfns;
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

    /// Fills `batch` with these pages of a suspended guest, at most PageBatch::max_pages.
    /// @throws Error{guest} naming pfn, level, slot and mfn of a page table that cannot be
    /// normalised:
    ///         nothing that a guest owns is dropped. Error{hypervisor}
    void prepare(std::span<const Pfn> pfns, PageBatch& batch);

private:
    void look_up(std::span<const Pfn> pfns, PageBatch& batch) const;
    void map(PageBatch& batch);
    void gather(PageBatch& batch) const;
    [[nodiscard]] std::span<const std::byte> normalised(const PageEntry& entry,
                                                        std::span<const std::byte> page,
                                                        std::span<std::byte> copy) const;

    const PvGuest& guest_;
    PageTypeQuery query_;
    ForeignMapper mapper_;
};

}  // namespace sr
