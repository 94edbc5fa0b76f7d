// SPDX-License-Identifier: LGPL-2.1-or-later
// The records of a libxl stream, read and written.
#include "libsr/wire/container.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstring>

namespace sr {
namespace {

constexpr std::uint32_t value_of(LibxlRecordType type) noexcept
{
    return static_cast<std::uint32_t>(type);
}

/// One NUL-terminated string off the front of the octets.
std::string take_string(ByteReader& reader, std::span<const std::byte> left)
{
    const auto nul = std::ranges::find(left, std::byte{0});
    if (nul == left.end()) {
        throw Error{Errc::malformed, "EMULATOR_XENSTORE_DATA: a string without its end"};
    }
    const auto length = static_cast<std::size_t>(nul - left.begin());
    const auto octets = reader.take(length + 1, "EMULATOR_XENSTORE_DATA").first(length);
    std::string text(length, '\0');
    std::ranges::transform(octets, text.begin(),
                           [](std::byte b) { return std::to_integer<char>(b); });
    return text;
}

/// @param most  pairs to take
std::vector<std::pair<std::string, std::string>> decode_xenstore(std::span<const std::byte> octets,
                                                                 std::size_t most)
{
    std::vector<std::pair<std::string, std::string>> pairs;
    ByteReader reader{octets};
    while (reader.size_left() != 0) {
        if (pairs.size() == most) {
            throw Error{Errc::limit, "EMULATOR_XENSTORE_DATA: more than %zu keys in all",
                        limits::libxl_xenstore_pairs_max};
        }
        std::string key = take_string(reader, octets.last(reader.size_left()));
        pairs.emplace_back(std::move(key), take_string(reader, octets.last(reader.size_left())));
    }
    return pairs;
}

}  // namespace

const char* name_of_libxl_record(std::uint32_t type) noexcept
{
    switch (static_cast<LibxlRecordType>(type)) {
    case LibxlRecordType::end:
        return "END";
    case LibxlRecordType::libxc_context:
        return "LIBXC_CONTEXT";
    case LibxlRecordType::emulator_xenstore_data:
        return "EMULATOR_XENSTORE_DATA";
    case LibxlRecordType::emulator_context:
        return "EMULATOR_CONTEXT";
    case LibxlRecordType::checkpoint_end:
        return "CHECKPOINT_END";
    case LibxlRecordType::checkpoint_state:
        return "CHECKPOINT_STATE";
    }
    return "unknown";
}

/// Reads records up to and with one of type `last`. An Error's place is libxc's to have: here only its message names the
/// record.
void Container::read_records_until(LibxlRecordType last)
{
    try {
        read_to(last);
    } catch (Error& e) {
        if (e.place()) {
            e.with_prefix("libxl ").without_place();
        }
        throw;
    }
}

void Container::read_to(LibxlRecordType last)
{
    for (std::size_t nr = 0;; ++nr) {
        const RecordHead head = framing_->next();
        if (nr == limits::libxl_records_max) {
            throw Error{Errc::limit, "more than %zu libxl records", limits::libxl_records_max};
        }
        if (records_.size() == limits::libxl_records_max) {
            nr_xenstore_pairs_ -= records_.back().xenstore.size();
            records_.pop_back();
        }
        records_.push_back(LibxlRecord{head, 0, 0, {}});
        framing_->at_place([&] {
            const bool is_last = head.type == value_of(last);
            if (!is_last && (head.type == value_of(LibxlRecordType::end) ||
                             head.type == value_of(LibxlRecordType::libxc_context))) {
                throw Error{Errc::malformed, "comes before %s",
                            name_of_libxl_record(value_of(last))};
            }
            read_record();
        });
        if (head.type == value_of(last)) {
            return;
        }
    }
}

void Container::read_record()
{
    LibxlRecord& record = records_.back();
    const RecordHead& head = record.head;
    const std::uint64_t offset = source_.position() - sizeof(RecordHeader);
    switch (static_cast<LibxlRecordType>(head.type)) {
    case LibxlRecordType::emulator_xenstore_data:
    case LibxlRecordType::emulator_context: {
        EmulatorHeader emulator{};
        framing_->read_part(std::as_writable_bytes(std::span{&emulator, 1}), "emulator head");
        record.emulator_id = emulator.id.value();
        record.emulator_index = emulator.index.value();
        if (head.type == value_of(LibxlRecordType::emulator_xenstore_data)) {
            if (framing_->body_left() > limits::libxl_xenstore_length_max) {
                throw Error{Errc::limit, "%" PRIu32 " octets, at most %zu are read", head.length,
                            limits::libxl_xenstore_length_max};
            }
            const std::size_t left = limits::libxl_xenstore_pairs_max - nr_xenstore_pairs_;
            record.xenstore = decode_xenstore(framing_->read_body(), left);
            nr_xenstore_pairs_ += record.xenstore.size();
        } else {
            framing_->skip_body();
        }
        break;
    }
    case LibxlRecordType::end:
    case LibxlRecordType::libxc_context:
    case LibxlRecordType::checkpoint_end:
        if (head.length != 0) {
            throw Error{Errc::malformed, "has no body, but %" PRIu32 " octets are there",
                        head.length};
        }
        framing_->finish_body();
        break;
    case LibxlRecordType::checkpoint_state:
        framing_->skip_body();
        break;
    default:
        if (!is_optional(head.type)) {
            throw Error{Errc::unsupported, "mandatory libxl record of unknown type %#010" PRIx32,
                        head.type};
        }
        note(ContainerDeviation::Kind::unknown, offset,
             "optional libxl record of unknown type, which libxl refuses");
        framing_->skip_body();
    }
    if (!framing_->padding_was_zero()) {
        note(ContainerDeviation::Kind::padding, offset,
             std::string{name_of_libxl_record(head.type)} + ": padding is not zero");
    }
}

void write_xl_head(Sink& sink, std::string_view json)
{
    if (json.size() >= limits::xl_config_length_max - sizeof(XlConfigHeader)) {
        throw Error{Errc::limit, "a configuration of %zu octets is too long", json.size()};
    }
    XlHeaderLayout xl{};
    std::memcpy(xl.magic.data(), xl_magic, xl.magic.size());
    xl.byte_order = xl_byte_order;
    xl.mandatory_flags = xl_flag_json | xl_flag_stream_v2;
    const auto config_length = static_cast<std::uint32_t>(json.size() + 1);
    xl.optional_length = static_cast<std::uint32_t>(config_length + sizeof(XlConfigHeader));
    XlConfigHeader config{};
    config.length = config_length;
    LibxlHeaderLayout libxl{};
    libxl.ident = libxl_ident;
    libxl.version = libxl_version;
    const RecordHeader context = encode_record_header(value_of(LibxlRecordType::libxc_context), 0);
    constexpr std::byte nul{0};
    std::array parts{iovec_of(octets_of(xl)),
                     iovec_of(octets_of(config)),
                     iovec_of(std::as_bytes(std::span{json})),
                     iovec_of(std::span{&nul, 1}),
                     iovec_of(octets_of(libxl)),
                     iovec_of(octets_of(context))};
    sink.write_gathered(parts);
}

void write_libxl_tail(Sink& sink)
{
    sink.write_struct(encode_record_header(value_of(LibxlRecordType::end), 0));
}

}  // namespace sr
