// SPDX-License-Identifier: LGPL-2.1-or-later
// Judges PAGE_DATA records.
#pragma once

#include "libsr/verify/judgement.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <optional>
#include <span>
#include <vector>

namespace sr {

/// Reads the bodies of PAGE_DATA records, one at a time, and notes what is in them.
class PageDataCheck {
public:
    /// Both must outlive this.
    PageDataCheck(StreamReader& reader, Judgement& judgement);

    /// The body of the record at hand, without its padding. Leaves part of it unread where it makes
    /// no sense.
    /// @throws Error as the decoders, and {io}
    void check();

private:
    void read_list(std::uint32_t count);
    [[nodiscard]] bool judge_list();
    void note_entries();
    void note_repeats_within();
    void read_contents();
    void check_table(const PageEntry& entry, TableOctets table);

    StreamReader& reader_;
    Judgement& judgement_;
    std::vector<PageEntry> entries_;
    std::optional<Pfn> last_pfn_;  ///< of the record before
    std::uint64_t nr_reserved_ = 0;
    std::uint64_t nr_bad_ = 0;
    std::optional<Error> first_bad_;
    Octets contents_;
};

}  // namespace sr
