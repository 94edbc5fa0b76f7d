// SPDX-License-Identifier: LGPL-2.1-or-later
// Page-table entries that say which frames they count in, and the table of 512 of them.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/error.hpp"
#include "libsr/base/frame.hpp"

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sr {

/// Entries of a table of any level. PAE's third level uses only its first four.
inline constexpr unsigned entries_per_table = 512;

/// A page table as octets: in the stream, in a buffer, or in a guest's frame.
using TableOctets = std::span<const std::byte, page_size>;
using MutableTableOctets = std::span<std::byte, page_size>;

/// An 8-octet page-table entry whose frame field counts in F: Pte<Mfn> in a running PV guest,
/// Pte<Pfn> once normalised for the stream. Bits: Intel SDM vol. 3A, "Format of a Page-Table
/// Entry that Maps a 4-KByte Page" and "Format of a Page-Directory Entry that Maps a 2-MByte Page".
template <typename F>
class Pte {
public:
    static constexpr std::uint64_t frame_mask = 0x000f'ffff'ffff'f000;  ///< bits 51:12
    static constexpr std::uint64_t highest_frame = frame_mask >> 12;

    constexpr explicit Pte(std::uint64_t raw) noexcept : raw_{raw} {}
    [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
    [[nodiscard]] constexpr bool present() const noexcept { return (raw_ & 1U) != 0; }
    [[nodiscard]] constexpr bool writable() const noexcept { return (raw_ & 2U) != 0; }
    /// Bit 7: a superpage above level 1. In a level 1 entry the bit is PAT and means nothing here.
    [[nodiscard]] constexpr bool pse() const noexcept { return (raw_ & 0x80U) != 0; }
    [[nodiscard]] constexpr F frame() const noexcept { return F{(raw_ & frame_mask) >> 12}; }
    /// All that is not the frame: bits 11:0 and 63:52, no-execute among them.
    [[nodiscard]] constexpr std::uint64_t flags() const noexcept { return raw_ & ~frame_mask; }
    friend constexpr bool operator==(Pte, Pte) noexcept = default;

    /// Same flags, other frame. @throws Error{limit} past 40 bits: it would spill into flags.
    template <typename G>
    [[nodiscard]] constexpr Pte<G> with_frame(G frame) const
    {
        if (frame.number() > highest_frame) {
            throw Error{Errc::limit, "frame %#" PRIx64 " does not fit a PTE", frame.number()};
        }
        return Pte<G>{flags() | frame.number() << 12};
    }

private:
    std::uint64_t raw_;
};

/// Entry `slot` of a table. A guest may change it at any time: load once, then use the value.
template <typename F>
[[nodiscard]] Pte<F> load_pte(TableOctets table, unsigned slot)
{
    return Pte<F>{load<std::uint64_t>(table, std::size_t{slot} * 8)};
}

template <typename F>
void store_pte(MutableTableOctets table, unsigned slot, Pte<F> entry)
{
    store(table, std::size_t{slot} * 8, entry.raw());
}

}  // namespace sr
