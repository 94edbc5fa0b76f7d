// SPDX-License-Identifier: LGPL-2.1-or-later
// After a VERIFY record: pages that come again are compared with those that came before.
#pragma once

#include "libsr/restore/guest_memory.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sr {

struct PvState;

/// Compares a PV guest's pages with the domain's, tables after they were translated as the domain's were. Keeps one
/// record's worth of pages, and the first few that differ.
class PvVerify {
public:
    /// Borrows both. The domain's pages are all in place.
    PvVerify(const PvState& pv, GuestMemory& memory);

    /// Compares the pages of the PAGE_DATA record at hand. @throws Error{malformed}, {io}, {hypervisor}
    void compare_page_data(StreamReader& reader);

    /// @throws Error{mismatch} if any page differed: how many, and the first pfns
    void require_equal() const;

private:
    static constexpr std::size_t nr_named = 8;

    void compare(StreamReader& reader, std::span<const PageEntry> entries);
    void compare_holes(std::span<const PageEntry> entries);
    void compare_contents();
    /// Translates the page as it came. @return false if the domain cannot have a table like it
    [[nodiscard]] bool localise(const PageEntry& entry, std::span<std::byte> page) const;
    void differs(Pfn pfn);
    [[nodiscard]] std::span<std::byte> arrived(std::size_t index)
    {
        return std::span{octets_}.subspan(index * page_size, page_size);
    }

    const PvState& pv_;
    GuestMemory& memory_;
    Octets octets_;                   ///< pages as they came
    std::vector<PageEntry> entries_;  ///< whose they are
    std::vector<Mfn> mfns_;           ///< and what they are compared with
    std::uint64_t nr_compared_ = 0;
    std::uint64_t nr_differing_ = 0;
    std::array<std::uint64_t, nr_named> first_{};
};

}  // namespace sr
