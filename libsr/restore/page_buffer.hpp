// SPDX-License-Identifier: LGPL-2.1-or-later
// Pages of a checkpoint that has not wholly arrived: kept beside the domain, the newest of each pfn.
#pragma once

#include "libsr/base/sparse_array.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// Memory: a page for each pfn that has contents, however often it arrives, at most as many as the domain may own; and
/// some kilobytes near each pfn that was named, of which there are at most as many as can come and go in one checkpoint.
class PageBuffer {
public:
    /// @param max_pages  pages that the domain may own
    explicit PageBuffer(std::uint64_t max_pages) : max_pages_{max_pages} {}

    /// Reads the pages of the PAGE_DATA record at hand, whose entries the reader has just given.
    /// @param p2m  what the domain has: a hole in it that comes as a hole is nothing to remember
    /// @throws Error{limit} if more have frames than the domain may own, or more are broken or named at all than can
    /// be; Error{io}
    void read(StreamReader& reader, std::span<const PageEntry> entries, const RestoreP2m& p2m);

    /// Forgets all. Keeps memory for as many pages as there were.
    void clear();

    /// Memory that contents take.
    [[nodiscard]] std::size_t octets_held() const noexcept
    {
        return chunks_.size() * chunk_pages * page_size;
    }
    [[nodiscard]] bool empty() const noexcept { return nr_pfns_ == 0; }

    struct Page {
        PageEntry entry;
        std::span<const std::byte>
            contents;  ///< empty if its type has none; good until the next read()
    };
    [[nodiscard]] std::optional<Page> find(Pfn pfn) const;

    /// fn(Page) for every pfn that came, in rising order.
    template <typename Fn>
    void for_each(Fn&& fn) const
    {
        places_.for_each([&](std::uint64_t pfn, Place place) { fn(page_at(Pfn{pfn}, place)); });
    }

private:
    static constexpr std::size_t chunk_pages = 256;
    static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

    /// What is known of a pfn: its type, and where its contents are.
    struct Place {
        std::uint32_t slot = no_slot;
        std::uint8_t type = 0xff;
        friend constexpr bool operator==(Place, Place) noexcept = default;
    };

    void put(const PageEntry& entry, const RestoreP2m& p2m);
    void count(Place before, PageType now);
    [[nodiscard]] std::uint32_t take_slot();
    [[nodiscard]] std::span<std::byte> slot_octets(std::uint32_t slot) const;
    [[nodiscard]] Page page_at(Pfn pfn, Place place) const;
    void read_wanted(StreamReader& reader);

    std::uint64_t max_pages_;
    SparseArray<Place> places_{limits::pv_pfn_max};
    std::uint64_t nr_pfns_ = 0;
    std::uint64_t nr_framed_ = 0;  ///< of these, such as need a frame by what came last
    std::uint64_t nr_broken_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::uint32_t nr_slots_ = 0;             ///< that were ever taken since clear()
    std::vector<std::uint32_t> free_slots_;  ///< and given back
    std::vector<iovec> wanted_;              ///< scratch of read()
};

}  // namespace sr
