// SPDX-License-Identifier: LGPL-2.1-or-later
// Splitting and joining, by heads alone.
#include "tests/fuzz/stream_parts.hpp"

#include "libsr/mem/page_type.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/record_type.hpp"
#include "libsr/wire/records.hpp"

#include <algorithm>
#include <cstring>

namespace sr::fuzz {
namespace {

constexpr std::size_t headers_length = sizeof(ImageHeaderLayout) + sizeof(DomainHeaderLayout);

void add(Octets& to, std::span<const std::byte> octets)
{
    to.insert(to.end(), octets.begin(), octets.end());
}

/// Where the image header begins: its marker and "XENF". octets.size() if nowhere.
std::size_t find_image(std::span<const std::byte> octets)
{
    constexpr std::size_t length = 12;
    const Octets start = [] {
        Octets header;
        append(header, encode_image_header());
        header.resize(length);
        return header;
    }();
    const auto at = std::search(octets.begin(), octets.end(), start.begin(), start.end());
    return static_cast<std::size_t>(at - octets.begin());
}

/// Takes the next record off the front.
Record take_record(std::span<const std::byte>& left)
{
    const auto head = load<RecordHeader>(left, 0);
    left = left.subspan(sizeof(RecordHeader));
    const std::size_t length = std::min<std::size_t>(head.length.value(), left.size());
    const auto body = left.first(length);
    const auto padding = padding_of(static_cast<std::uint32_t>(length));
    left = left.subspan(std::min(length + padding, left.size()));
    return {head.type.value(), {body.begin(), body.end()}};
}

bool holds_contents(std::uint64_t word)
{
    const auto type = page_type_from_wire(static_cast<unsigned>(word >> page_entry_type_shift));
    return type && has_contents(*type);
}

}  // namespace

StreamParts split(std::span<const std::byte> octets)
{
    StreamParts parts;
    const std::size_t start = find_image(octets);
    add(parts.before, octets.first(start));
    auto left = octets.subspan(start);
    if (left.size() < headers_length) {
        add(parts.before, left);
        return parts;
    }
    add(parts.headers, left.first(headers_length));
    left = left.subspan(headers_length);
    while (left.size() >= sizeof(RecordHeader)) {
        parts.records.push_back(take_record(left));
        if (parts.records.back().type == to_wire(RecordType::end)) {
            break;
        }
    }
    add(parts.after, left);
    return parts;
}

Octets join(const StreamParts& parts)
{
    Octets octets = parts.before;
    add(octets, parts.headers);
    for (const Record& record : parts.records) {
        const auto length = static_cast<std::uint32_t>(record.body.size());
        append(octets, encode_record_header(record.type, length));
        add(octets, record.body);
        octets.resize(octets.size() + padding_of(length));
    }
    add(octets, parts.after);
    return octets;
}

std::optional<std::vector<Page>> pages_of(const Record& record)
{
    if (record.type != to_wire(RecordType::page_data) ||
        record.body.size() < sizeof(PageDataHeader)) {
        return std::nullopt;
    }
    ByteReader reader{record.body};
    const std::size_t count = reader.read<PageDataHeader>("head").count.value();
    if (count > reader.size_left() / sizeof(PageEntryLayout)) {
        return std::nullopt;
    }
    std::vector<Page> pages(count);
    for (Page& page : pages) {
        page.word = reader.read<PageEntryLayout>("entry").word.value();
    }
    for (Page& page : pages) {
        if (holds_contents(page.word)) {
            const auto contents =
                reader.take(std::min<std::size_t>(page_size, reader.size_left()), "page");
            page.contents.assign(contents.begin(), contents.end());
        }
    }
    return pages;
}

Record record_of(const std::vector<Page>& pages)
{
    Record record{to_wire(RecordType::page_data), {}};
    PageDataHeader header{};
    header.count = static_cast<std::uint32_t>(pages.size());
    append(record.body, header);
    for (const Page& page : pages) {
        PageEntryLayout entry{};
        entry.word = page.word;
        append(record.body, entry);
    }
    for (const Page& page : pages) {
        const std::size_t length = holds_contents(page.word) ? page_size : 0;
        Octets contents = page.contents;
        contents.resize(length);
        add(record.body, contents);
    }
    return record;
}

}  // namespace sr::fuzz
