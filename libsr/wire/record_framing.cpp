// SPDX-License-Identifier: LGPL-2.1-or-later
// Framing of records.
#include "libsr/wire/record_framing.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <numeric>

namespace sr {
namespace {

/// The least that the buffer grows by. It doubles from there, so that copying stays linear.
constexpr std::size_t growth_octets = std::size_t{64} << 10;

}  // namespace

const RecordHead& RecordFraming::next()
{
    if (in_body_) {
        throw Error{Errc::internal, "record %" PRIu64 " was not finished", head_.place.record};
    }
    const StreamPlace place{nr_records_, 0, source_.position() - start_};
    RecordHeader header{};
    const auto octets = std::as_writable_bytes(std::span{&header, 1});
    const std::size_t got = source_.read_some(octets);
    if (got < octets.size()) {
        Error e{Errc::io, got == 0 ? "the stream ends without an END record"
                                   : "the stream ends within a record's head"};
        throw e.with_place(place, "(no head)");
    }
    ++nr_records_;
    head_ = RecordHead{header.type.value(), header.length.value(), place};
    head_.place.type = head_.type;
    if (head_.length > length_max_) {
        Error e{Errc::limit, "claims %" PRIu32 " octets, at most %" PRIu32 " are read",
                head_.length, length_max_};
        throw e.with_place(head_.place, name_of_(head_.type));
    }
    body_left_ = head_.length;
    in_body_ = true;
    return head_;
}

void RecordFraming::fill(std::span<std::byte> to, const char* what)
{
    const std::size_t got = source_.read_some(to);
    if (got < to.size()) {
        const std::uint64_t arrived = std::uint64_t{head_.length} - body_left_ - (to.size() - got);
        throw Error{Errc::io,
                    "the stream ends in %s, after %" PRIu64 " of the %" PRIu32
                    " octets of the body",
                    what, arrived, head_.length};
    }
}

void RecordFraming::take_left(std::uint64_t count, const char* what)
{
    if (count > body_left_) {
        throw Error{Errc::malformed, "%s: needs %" PRIu64 " octets, %" PRIu32 " are left", what,
                    count, body_left_};
    }
    body_left_ -= static_cast<std::uint32_t>(count);
}

void RecordFraming::read_padding()
{
    std::array<std::byte, record_alignment> padding{};
    const auto octets = std::span{padding}.first(padding_of(head_.length));
    if (source_.read_some(octets) < octets.size()) {
        throw Error{Errc::io, "the stream ends in its padding"};
    }
    padding_was_zero_ = std::ranges::all_of(octets, [](std::byte b) { return b == std::byte{0}; });
    in_body_ = false;
}

std::span<const std::byte> RecordFraming::read_body()
{
    return at_place([this] {
        std::size_t got = 0;
        const std::size_t whole = body_left_;
        while (got < whole) {
            const std::size_t piece = std::min(whole - got, std::max(growth_octets, got));
            if (buffer_.size() < got + piece) {
                buffer_.resize(got + piece);
            }
            take_left(piece, "the body");
            fill(std::span{buffer_}.subspan(got, piece), "the body");
            got += piece;
        }
        read_padding();
        return std::span<const std::byte>{buffer_}.first(whole);
    });
}

void RecordFraming::read_part(std::span<std::byte> to, const char* what)
{
    at_place([&] {
        take_left(to.size(), what);
        fill(to, what);
    });
}

void RecordFraming::read_scattered(std::span<iovec> parts, const char* what)
{
    at_place([&] {
        const auto count = std::accumulate(
            parts.begin(), parts.end(), std::uint64_t{0},
            [](std::uint64_t sum, const iovec& part) { return sum + part.iov_len; });
        take_left(count, what);
        source_.read_scattered(parts, what);
    });
}

void RecordFraming::finish_body()
{
    at_place([this] {
        if (body_left_ != 0) {
            throw Error{Errc::internal, "%" PRIu32 " octets of the body were not read", body_left_};
        }
        read_padding();
    });
}

void RecordFraming::skip_body()
{
    at_place([this] {
        source_.skip(body_left_, "the body");
        body_left_ = 0;
        read_padding();
    });
}

}  // namespace sr
