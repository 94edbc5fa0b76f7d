// SPDX-License-Identifier: LGPL-2.1-or-later
// A bare libxc stream taken to pieces, to damage one of them and put it together again.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/wire/record_type.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sr::test {

struct RecordPiece {
    RecordType type;
    Octets body;  ///< without padding
};

struct StreamPieces {
    Octets headers;
    std::vector<RecordPiece> records;

    /// The first record of a type, which has to be there.
    [[nodiscard]] RecordPiece& first(RecordType type);
    /// Where each record begins, and the end: as join() lays them out.
    [[nodiscard]] std::vector<std::size_t> boundaries() const;
};

[[nodiscard]] Octets read_file(const std::string& path);
void write_file(const std::string& path, const Octets& octets);

/// A stream that is well formed, as our own save writes it, up to END, or where there is none to its end.
[[nodiscard]] StreamPieces split(const Octets& stream);
[[nodiscard]] Octets join(const StreamPieces& pieces);

/// Where in the PAGE_DATA records a page of a level-1 table is.
struct TablePlace {
    RecordPiece* record;
    std::size_t contents;  ///< offset of the table in the record's body
};

/// The first level-1 table with a present entry, and the offset of that entry. It has to be there.
[[nodiscard]] TablePlace find_l1_entry(StreamPieces& pieces);

}  // namespace sr::test
