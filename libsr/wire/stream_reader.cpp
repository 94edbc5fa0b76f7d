// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading a libxc stream.
#include "libsr/wire/stream_reader.hpp"

#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>

namespace sr {

StreamReader::StreamReader(Source& source)
    : image_layout_{source.read<ImageHeaderLayout>("the image header")},
      image_{decode_image_header(octets_of(image_layout_))},
      domain_layout_{source.read<DomainHeaderLayout>("the domain header")},
      domain_{decode_domain_header(octets_of(domain_layout_))},
      framing_{source, source.position() - sizeof(ImageHeaderLayout) - sizeof(DomainHeaderLayout),
               limits::record_length_max, name_of}
{
    entries_.reserve(limits::pages_per_record);
}

std::span<const PageEntry> StreamReader::read_page_data_head(Pfn max_pfn)
{
    return at_place([&]() -> std::span<const PageEntry> {
        PageDataHeader header{};
        read_part(std::as_writable_bytes(std::span{&header, 1}), "PAGE_DATA head");
        read_page_list(decode_page_data_header(header, head().length), max_pfn);
        const std::uint64_t expected = page_data_length(entries_);
        if (head().length != expected) {
            throw Error{Errc::malformed,
                        "PAGE_DATA: %zu pfns with their contents are %" PRIu64
                        " octets, the record has %" PRIu32,
                        entries_.size(), expected, head().length};
        }
        return entries_;
    });
}

void StreamReader::read_page_list(std::uint32_t count, Pfn max_pfn)
{
    entries_.clear();
    std::array<PageEntryLayout, limits::pages_per_record> piece{};
    while (entries_.size() < count) {
        const auto part = std::span{piece}.first(std::min(piece.size(), count - entries_.size()));
        read_part(std::as_writable_bytes(part), "PAGE_DATA list");
        for (const PageEntryLayout& entry : part) {
            entries_.push_back(decode_page_entry(entry, max_pfn));
        }
    }
}

}  // namespace sr
