// SPDX-License-Identifier: LGPL-2.1-or-later
// Xen's machine-to-phys table: which pfn of its owner a machine frame is.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/load_once.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace sr {

/// A view of the mapped table, one entry of 8 octets per machine frame (the table of a 64-bit
/// host).
///
/// Its size is the size of the mapping and nothing else: XENMEM_maximum_ram_page says how much to
/// map and is not trusted to say how far to read. An entry does not say whose pfn it is;
/// FrameTranslator asks the guest's p2m as well.
class M2p {
public:
    static constexpr std::uint64_t invalid_entry = ~std::uint64_t{0};
    static constexpr std::uint64_t shared_entry = ~std::uint64_t{0} - 1;

    /// @param octets  the mapping, which outlives this view; a last incomplete entry is left out
    explicit M2p(std::span<const std::byte> octets) noexcept : octets_{octets} {}

    /// Frames it knows: 0 to nr_entries() - 1.
    [[nodiscard]] std::uint64_t nr_entries() const noexcept { return octets_.size() / 8; }

    /// The pfn of a frame with its owner; none past the end of the table or where Xen says INVALID
    /// or SHARED.
    [[nodiscard]] std::optional<Pfn> pfn_of(Mfn mfn) const
    {
        if (mfn.number() >= nr_entries()) {
            return std::nullopt;
        }
        const auto entry =
            load_once<std::uint64_t>(octets_, static_cast<std::size_t>(mfn.number()) * 8);
        if (entry >= shared_entry) {
            return std::nullopt;
        }
        return Pfn{entry};
    }

    /// Starts to fetch the entry that pfn_of() will want: entries of one table lie all over the M2P.
    void prefetch(Mfn mfn) const noexcept
    {
        if (mfn.number() < nr_entries()) {
            __builtin_prefetch(&octets_[static_cast<std::size_t>(mfn.number()) * 8]);
        }
    }

private:
    std::span<const std::byte> octets_;
};

}  // namespace sr
