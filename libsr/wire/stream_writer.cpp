// SPDX-License-Identifier: LGPL-2.1-or-later
// Writing a libxc stream.
#include "libsr/wire/stream_writer.hpp"

#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <numeric>

namespace sr {
namespace {

constexpr std::array<std::byte, record_alignment> zeros{};

std::uint64_t octets_of_parts(std::span<const iovec> parts)
{
    return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const iovec& part) { return sum + part.iov_len; });
}

}  // namespace

StreamWriter::StreamWriter(Sink& sink, const DomainHeader& header, StreamKind kind)
    : sink_{sink}, order_{image_version, header.type, kind}, start_{sink.position()},
      page_list_(page_data_list_length(limits::pages_per_record)),
      page_parts_(limits::pages_per_record + 3)
{
    const ImageHeaderLayout image = encode_image_header();
    const DomainHeaderLayout domain = encode_domain_header(header);
    std::array parts{iovec_of(octets_of(image)), iovec_of(octets_of(domain))};
    sink_.write_gathered(parts);
}

void StreamWriter::write_record(std::uint32_t type,
                                std::initializer_list<std::span<const std::byte>> parts)
{
    std::array<iovec, max_parts + 2> all{};  // head and padding around them
    if (parts.size() > max_parts) {
        throw Error{Errc::internal, "a record of %zu parts", parts.size()};
    }
    std::transform(parts.begin(), parts.end(), all.begin() + 1,
                   [](std::span<const std::byte> part) { return iovec_of(part); });
    write_parts(type, std::span{all}.first(parts.size() + 2));
}

void StreamWriter::write_page_data(std::span<const PageEntry> entries,
                                   std::span<const iovec> contents)
{
    const auto list = encode_page_data(page_list_, entries);
    if (contents.size() > entries.size() ||
        list.size() + octets_of_parts(contents) != page_data_length(entries)) {
        throw Error{Errc::internal,
                    "%zu parts of %" PRIu64 " octets are not the contents of %zu pages",
                    contents.size(), octets_of_parts(contents), entries.size()};
    }
    page_parts_[1] = iovec_of(list);
    std::copy(contents.begin(), contents.end(), page_parts_.begin() + 2);
    write_parts(to_wire(RecordType::page_data), std::span{page_parts_}.first(contents.size() + 3));
}

void StreamWriter::check_order(std::uint32_t type)
{
    try {
        if (const char* deviation = order_.accept(type).deviation; deviation != nullptr) {
            throw Error{Errc::internal, "%s", deviation};
        }
    } catch (const Error& e) {
        throw Error{Errc::internal, "must not be written: %s", e.what()};
    }
}

/// @param parts  the body, with one part left free before it and one after it
void StreamWriter::write_parts(std::uint32_t type, std::span<iovec> parts)
{
    const StreamPlace place{nr_records_, type, sink_.position() - start_};
    try {
        check_order(type);
        const std::uint64_t length = octets_of_parts(parts.subspan(1, parts.size() - 2));
        if (length > limits::record_length_max) {
            throw Error{Errc::limit, "%" PRIu64 " octets are more than a record holds", length};
        }
        const auto header = encode_record_header(type, static_cast<std::uint32_t>(length));
        const auto padding = std::span{zeros}.first(padding_of(static_cast<std::uint32_t>(length)));
        parts.front() = iovec_of(octets_of(header));
        parts.back() = iovec_of(padding);
        sink_.write_gathered(parts.first(parts.size() - (padding.empty() ? 1 : 0)));
        ++nr_records_;
    } catch (Error& e) {
        e.with_place(place, name_of(type));
        throw;
    }
}

}  // namespace sr
