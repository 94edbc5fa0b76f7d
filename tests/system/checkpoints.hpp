// SPDX-License-Identifier: LGPL-2.1-or-later
// Checkpointed streams made by hand of what one guest was at one time after the other.
#pragma once

#include "libsr/mem/page_type.hpp"
#include "tests/system/stream_pieces.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace sr::test {

/// A page as PAGE_DATA has it.
struct StreamPage {
    PageType type = PageType::notab;
    Octets contents;  ///< empty if its type has none
    friend bool operator==(const StreamPage&, const StreamPage&) = default;
};
using StreamPages = std::map<std::uint64_t, StreamPage>;

/// All pages of a stream; of a pfn that comes again, the last.
[[nodiscard]] StreamPages pages_of(const StreamPieces& pieces);

/// The stream without what comes before its VERIFY, and the other way round.
[[nodiscard]] StreamPieces behind_verify(const StreamPieces& stream);
[[nodiscard]] StreamPieces before_verify(const StreamPieces& stream);

/// One PAGE_DATA record of pages in this order; a pfn may come again.
[[nodiscard]] RecordPiece page_data(std::span<const StreamPages::value_type> pages);
/// Pages in records of up to 1024.
[[nodiscard]] std::vector<RecordPiece> page_records(const StreamPages& pages);

/// What a sender writes that takes checkpoints: the first whole, of each later one what differs from the one before.
/// @param saves  bare streams of one guest at different times; none of them was lived in from another
/// @return no END: such a stream breaks off
[[nodiscard]] StreamPieces checkpointed(std::span<const Octets> saves);

}  // namespace sr::test
