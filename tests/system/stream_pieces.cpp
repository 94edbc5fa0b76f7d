// SPDX-License-Identifier: LGPL-2.1-or-later
// Splitting a stream by its heads alone.
#include "tests/system/stream_pieces.hpp"

#include "libsr/mem/page_type.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/records.hpp"

#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>

namespace sr::test {
namespace {

constexpr std::size_t headers_length = sizeof(ImageHeaderLayout) + sizeof(DomainHeaderLayout);

std::size_t padded(std::size_t length)
{
    return (length + 7) / 8 * 8;
}

}  // namespace

RecordPiece& StreamPieces::first(RecordType type)
{
    for (RecordPiece& record : records) {
        if (record.type == type) {
            return record;
        }
    }
    throw std::runtime_error{std::string{"no record "} + name_of(type)};
}

std::vector<std::size_t> StreamPieces::boundaries() const
{
    std::vector<std::size_t> found{headers.size()};
    for (const RecordPiece& record : records) {
        found.push_back(found.back() + sizeof(RecordHeader) + padded(record.body.size()));
    }
    return found;
}

Octets read_file(const std::string& path)
{
    std::ifstream file{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto octets = std::as_bytes(std::span{text});
    return {octets.begin(), octets.end()};
}

void write_file(const std::string& path, const Octets& octets)
{
    std::ofstream file{path, std::ios::binary};
    for (const std::byte octet : octets) {
        file.put(std::to_integer<char>(octet));
    }
}

StreamPieces split(const Octets& stream)
{
    ByteReader reader{stream};
    StreamPieces pieces;
    const auto headers = reader.take(headers_length, "headers");
    pieces.headers.assign(headers.begin(), headers.end());
    for (auto type = RecordType::page_data; type != RecordType::end && reader.size_left() != 0;) {
        const auto head = reader.read<RecordHeader>("head");
        type = static_cast<RecordType>(head.type.value());
        const auto body =
            reader.take(padded(head.length.value()), "body").first(head.length.value());
        pieces.records.push_back({type, {body.begin(), body.end()}});
    }
    return pieces;
}

Octets join(const StreamPieces& pieces)
{
    Octets stream = pieces.headers;
    for (const RecordPiece& record : pieces.records) {
        append(stream, encode_record_header(to_wire(record.type),
                                            static_cast<std::uint32_t>(record.body.size())));
        stream.insert(stream.end(), record.body.begin(), record.body.end());
        stream.resize(stream.size() + padded(record.body.size()) - record.body.size());
    }
    return stream;
}

TablePlace find_l1_entry(StreamPieces& pieces)
{
    constexpr std::uint64_t present = 1;
    for (RecordPiece& record : pieces.records) {
        if (record.type != RecordType::page_data) {
            continue;
        }
        const auto count = load<std::uint32_t>(record.body, 0);
        std::size_t contents = sizeof(PageDataHeader) + std::size_t{count} * 8;
        for (std::size_t i = 0; i < count; ++i) {
            const auto entry = load<std::uint64_t>(record.body, sizeof(PageDataHeader) + i * 8);
            const auto type = page_type_from_wire(static_cast<unsigned>(entry >> 60U));
            if (!type || !has_contents(*type)) {
                continue;
            }
            for (std::size_t slot = 0; table_level(*type) == 1 && slot < 512; ++slot) {
                if ((load<std::uint64_t>(record.body, contents + slot * 8) & present) != 0) {
                    return {&record, contents + slot * 8};
                }
            }
            contents += page_size;
        }
    }
    throw std::runtime_error{"no level-1 table with a present entry"};
}

}  // namespace sr::test
