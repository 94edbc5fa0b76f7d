// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream, however broken, as parts that can be changed and put together with lengths that are right again.
#pragma once

#include "libsr/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr::fuzz {

struct Record {
    std::uint32_t type = 0;
    Octets body;
};

/// One page of a PAGE_DATA record.
struct Page {
    std::uint64_t word = 0;  ///< type and pfn as on the wire
    Octets contents;         ///< 4096 octets, or none
};

/// Whatever octets there are, each is in one of these.
struct StreamParts {
    Octets before;  ///< what stands around the libxc stream, up to its image header
    Octets
        headers;  ///< image and domain header; empty if no image header was found, and then there are no records
    std::vector<Record> records;  ///< as far as there are whole heads, up to END
    Octets after;
};

/// Takes octets apart. A body that is cut short is as long as it is.
[[nodiscard]] StreamParts split(std::span<const std::byte> octets);

/// Puts parts together: lengths are those of the bodies, padding is zero.
[[nodiscard]] Octets join(const StreamParts& parts);

/// The pages of a PAGE_DATA record, if it is one and well-formed.
[[nodiscard]] std::optional<std::vector<Page>> pages_of(const Record& record);
/// A PAGE_DATA record of these pages.
[[nodiscard]] Record record_of(const std::vector<Page>& pages);

}  // namespace sr::fuzz
