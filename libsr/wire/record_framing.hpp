// SPDX-License-Identifier: LGPL-2.1-or-later
// Heads, bodies and padding of records, as a libxc stream and a libxl stream both frame them.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/wire/records.hpp"

#include <cstdint>
#include <span>
#include <utility>

namespace sr {

/// A record's head and where it stood.
struct RecordHead {
    std::uint32_t type;
    std::uint32_t length;  ///< octets of the body; not above the bound of its reader
    StreamPlace place;
};

/// Takes one record after the other from a Source: next(), then one of read_body(), skip_body(), or
/// any number of read_part() and finish_body(). Memory grows only with octets that have arrived.
class RecordFraming {
public:
    using NameOf = const char* (*)(std::uint32_t);

    /// @param source      must outlive this
    /// @param start       the source's position where offsets of records count from
    /// @param length_max  longest body to take
    /// @param name_of     names a type in messages
    RecordFraming(Source& source, std::uint64_t start, std::uint32_t length_max,
                  NameOf name_of) noexcept
        : source_{source}, start_{start}, length_max_{length_max}, name_of_{name_of}
    {
    }

    /// The next record's head. The body before must be finished.
    /// @throws Error{io} at the end of the stream, Error{limit} for a body too long
    [[nodiscard]] const RecordHead& next();

    /// The head that next() gave last.
    [[nodiscard]] const RecordHead& head() const noexcept { return head_; }

    /// The whole body; its padding is consumed. Views a buffer that the next call reuses.
    [[nodiscard]] std::span<const std::byte> read_body();

    /// The next octets of the body. @throws Error{malformed} if the body has fewer left
    void read_part(std::span<std::byte> to, const char* what);

    /// The next octets of the body, scattered; changes the entries of `parts`. @throws as read_part
    void read_scattered(std::span<iovec> parts, const char* what);

    /// Octets of the body that nobody has read yet.
    [[nodiscard]] std::uint32_t body_left() const noexcept { return body_left_; }

    /// Consumes the padding of a body that was read in parts. @throws Error{internal} if octets of
    /// it are left
    void finish_body();

    /// Drops what is left of the body, and its padding.
    void skip_body();

    /// False if the padding last consumed held something else than zeros, which the specification
    /// lets pass.
    [[nodiscard]] bool padding_was_zero() const noexcept { return padding_was_zero_; }

    /// Runs fn for the record at hand: an Error it throws says which one that was.
    template <typename Fn>
    decltype(auto) at_place(Fn&& fn) const
    {
        try {
            return std::forward<Fn>(fn)();
        } catch (Error& e) {
            e.with_place(head_.place, name_of_(head_.type));
            throw;
        }
    }

private:
    void fill(std::span<std::byte> to, const char* what);
    void take_left(std::uint64_t count, const char* what);
    void read_padding();

    Source& source_;
    std::uint64_t start_;
    std::uint32_t length_max_;
    NameOf name_of_;
    std::uint64_t nr_records_ = 0;
    RecordHead head_{};
    std::uint32_t body_left_ = 0;
    bool in_body_ = false;
    bool padding_was_zero_ = true;
    Octets buffer_;
};

}  // namespace sr
