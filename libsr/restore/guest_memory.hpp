// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory of a domain that is being restored: frames as they are needed, contents straight into
// them.
#pragma once

#include "libsr/mem/p2m.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "libsr/xen/domain.hpp"
#include "libsr/xen/foreign_mapping.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace sr {

/// Pages of one record that were read into guest memory and are still mapped there.
struct LoadedPages {
    std::span<const PageEntry> entries;  ///< all with contents, each pfn once
    const ForeignMapping& mapping;       ///< entry i is mapping.page(i)
};

/// What a kind of domain does to pages once they are in guest memory: PV localises its tables
/// there.
class LoadedPageVisitor {
public:
    LoadedPageVisitor() = default;
    LoadedPageVisitor(const LoadedPageVisitor&) = delete;
    LoadedPageVisitor& operator=(const LoadedPageVisitor&) = delete;
    virtual ~LoadedPageVisitor() = default;
    virtual void loaded(const LoadedPages& pages) = 0;
};

/// Gives a domain its frames and fills them. Keeps its scratch memory: a record after the first of
/// its size allocates nothing.
class GuestMemory {
public:
    /// Pages that are mapped at a time, however long a record is.
    static constexpr std::size_t max_mapped_pages = 1024;

    /// Borrows both. @param p2m  filled in as the domain gets frames and types
    GuestMemory(const Domain& domain, RestoreP2m& p2m)
        : domain_{domain}, p2m_{p2m}, mapper_{domain.host(), domain.domid()}
    {
    }

    /// Applies the PAGE_DATA record at hand, whose head is next in `reader`.
    /// @param max_pfn  highest frame the domain may own
    /// @throws Error{malformed}, {io}, {limit}, {hypervisor}
    void apply_page_data(StreamReader& reader, Pfn max_pfn, LoadedPageVisitor& visitor);

    /// Gives a frame to each of these pfns that has none; they may repeat. Sorts `pfns`.
    /// @throws Error{limit}, Error{hypervisor}
    void populate(std::vector<std::uint64_t>& pfns);

    /// Takes back the frames of pfns that the stream, in the end, says have none: tables of an
    /// earlier round may have named them. @throws Error{hypervisor}
    void give_back_unused();

    [[nodiscard]] RestoreP2m& p2m() noexcept { return p2m_; }
    [[nodiscard]] ForeignMapper& mapper() noexcept { return mapper_; }
    /// Pages with contents that have arrived.
    [[nodiscard]] std::uint64_t nr_loaded() const noexcept { return nr_loaded_; }
    /// Pages that the stream says are lost to a memory error: they come back empty, if at all.
    [[nodiscard]] std::uint64_t nr_broken() const noexcept { return nr_broken_; }
    /// Pages of any type that have arrived.
    [[nodiscard]] std::uint64_t nr_arrived() const noexcept { return nr_arrived_; }

private:
    void count_broken(Pfn pfn);
    void note_types(std::span<const PageEntry> entries);
    void load(StreamReader& reader, std::span<const PageEntry> entries, LoadedPageVisitor& visitor);

    const Domain& domain_;
    RestoreP2m& p2m_;
    ForeignMapper mapper_;
    std::uint64_t nr_loaded_ = 0;
    std::uint64_t nr_arrived_ = 0;
    std::uint64_t nr_broken_ = 0;
    // Scratch of one record.
    std::vector<std::uint64_t> wanted_;
    std::vector<std::uint64_t> mfns_;
    std::vector<PageEntry> with_contents_;
};

}  // namespace sr
