// SPDX-License-Identifier: LGPL-2.1-or-later
// PAGE_DATA into guest memory: what is read next is populated and mapped ahead, what was read is finished behind.
#pragma once

#include "libsr/base/worker.hpp"
#include "libsr/restore/guest_memory.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// Pages that were read into guest memory and are still mapped there.
struct LoadedPages {
    std::span<const PageEntry> entries;  ///< all with contents, each pfn once
    const ForeignMapping& mapping;       ///< entry i is mapping.page(i)
};

/// What a kind of domain does to pages once they are in guest memory: PV localises its tables there.
class LoadedPageVisitor {
public:
    LoadedPageVisitor() = default;
    LoadedPageVisitor(const LoadedPageVisitor&) = delete;
    LoadedPageVisitor& operator=(const LoadedPageVisitor&) = delete;
    virtual ~LoadedPageVisitor() = default;
    /// On the loader's thread.
    virtual void loaded(const LoadedPages& pages) = 0;
};

/// Reads records of pages on the caller's thread, straight into guest memory, in chunks. Another thread makes all calls of
/// the hypervisor, always in the same order:
///
///     populate the record | map chunk 1 | map 2 | hand over and unmap 1 | map 3 | hand over and unmap 2 | map 4 ...
///     the caller's thread:              | read 1                        | read 2                        | read 3
///
/// Until settle() the guest's memory and its p2m are that thread's.
class PageLoader {
public:
    /// Borrows both.
    PageLoader(GuestMemory& memory, LoadedPageVisitor& visitor);

    /// Reads the PAGE_DATA record at hand, whose head is next in `reader`. The visitor may come to its pages later.
    /// @param max_pfn  highest frame the domain may own
    /// @throws Error{malformed}, {io}, {limit}, {hypervisor}, with the place of this record or of one before it
    void apply_page_data(StreamReader& reader, Pfn max_pfn);

    /// Waits until all that was read has been handed over and nothing is mapped. @throws as apply_page_data
    void settle();

    /// Passes over memory before the one at hand, as far as can be told.
    [[nodiscard]] std::uint32_t nr_passes() const noexcept { return nr_passes_; }
    /// Pages of any type that have arrived in the pass at hand.
    [[nodiscard]] std::uint64_t nr_arrived() const noexcept { return nr_arrived_; }
    /// Pages with contents that have arrived, in all passes.
    [[nodiscard]] std::uint64_t nr_loaded() const noexcept { return nr_loaded_; }

private:
    /// Pages of a chunk: a record as senders write it. Smaller ones would let a record's later chunks be mapped while its
    /// first is read, but on busy processors the waiting at each hand-over costs more (docs/numbers.md).
    static constexpr std::size_t chunk_pages = 1024;
    /// Chunks that are mapped before the first of them is read.
    static constexpr std::size_t nr_ahead = 2;
    /// Chunks that exist: those ahead, one being read, one behind.
    static constexpr std::size_t nr_chunks = nr_ahead + 2;

    struct Chunk {
        Chunk(GuestMemory& memory, LoadedPageVisitor& visitor);

        std::vector<PageEntry> entries;
        StreamPlace place{};
        ForeignMapping mapping;
        Job map;
        Job hand_over;
    };
    struct Record {
        explicit Record(GuestMemory& memory);

        std::vector<PageEntry> entries;
        StreamPlace place{};
        Job announce;
    };

    void count_arrived(std::span<const PageEntry> entries) noexcept;
    void announce(std::span<const PageEntry> entries, const StreamPlace& place);
    void map_ahead(std::span<const PageEntry> entries, const StreamPlace& place);
    void read_next(StreamReader& reader);
    void read_mapped(StreamReader& reader);
    [[nodiscard]] Chunk& chunk(std::size_t number) noexcept { return chunks_[number % nr_chunks]; }

    Record record_;
    std::deque<Chunk> chunks_;
    std::size_t nr_mapped_ = 0;
    std::size_t nr_read_ = 0;
    std::optional<Pfn> last_;  ///< since settle()
    std::uint64_t nr_loaded_ = 0;
    std::uint64_t nr_arrived_ = 0;
    std::uint32_t nr_passes_ = 0;
    std::optional<Pfn> highest_in_pass_;  ///< for what progress tells; last_ is for mappings
    Worker worker_;                       // last: its end comes before that of what it works on
};

}  // namespace sr
