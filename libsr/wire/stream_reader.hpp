// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a libxc stream record by record.
#pragma once

#include "libsr/wire/decode.hpp"
#include "libsr/wire/record_framing.hpp"

#include <span>
#include <vector>

namespace sr {

/// A libxc stream being read: headers when constructed, then next() and one way to take the body:
///
///     const RecordHead& head = reader.next();
///     if (head.type == to_wire(RecordType::page_data)) {
///         const auto entries = reader.read_page_data_head(max_pfn);  // checked whole
///         reader.read_contents(iovecs);                               // straight into guest pages
///         reader.finish_body();
///     } else {
///         const auto body = reader.read_body();  // or skip_body()
///     }
///
/// The order of records is RecordOrder's affair. After an Error the stream cannot be read on,
/// except that skip_body() goes past a body that did not decode.
class StreamReader {
public:
    /// Reads and checks both headers. @param source  at the image header; must outlive this
    /// @throws Error as decode_image_header and decode_domain_header
    explicit StreamReader(Source& source);

    [[nodiscard]] const ImageHeader& image_header() const noexcept { return image_; }
    [[nodiscard]] const DomainHeader& domain_header() const noexcept { return domain_; }
    /// The headers as they stood, reserved fields and all.
    [[nodiscard]] const ImageHeaderLayout& image_layout() const noexcept { return image_layout_; }
    [[nodiscard]] const DomainHeaderLayout& domain_layout() const noexcept
    {
        return domain_layout_;
    }

    /// The next record's head. Its length is at most limits::record_length_max.
    [[nodiscard]] const RecordHead& next() { return framing_.next(); }
    [[nodiscard]] const RecordHead& head() const noexcept { return framing_.head(); }

    /// The whole body, and its padding. Views a buffer that the next call reuses.
    [[nodiscard]] std::span<const std::byte> read_body() { return framing_.read_body(); }
    void skip_body() { framing_.skip_body(); }

    /// Of a PAGE_DATA record: the head and the pfn list, checked whole, and the record's length
    /// against them.
    /// @param max_pfn  highest frame the domain may own, inclusive
    /// @return one entry for each page; views a buffer that the next call reuses
    [[nodiscard]] std::span<const PageEntry> read_page_data_head(Pfn max_pfn);

    /// The contents of the next pages that have some, into octets of theirs; changes the entries of
    /// `pages`.
    void read_contents(std::span<iovec> pages) { framing_.read_scattered(pages, "page contents"); }

    /// The next octets of any body, for those who take it in parts.
    void read_part(std::span<std::byte> to, const char* what) { framing_.read_part(to, what); }
    [[nodiscard]] std::uint32_t body_left() const noexcept { return framing_.body_left(); }

    /// After the parts: the padding. @throws Error{internal} if octets of the body were not read
    void finish_body() { framing_.finish_body(); }

    [[nodiscard]] bool padding_was_zero() const noexcept { return framing_.padding_was_zero(); }

    /// Runs fn for the record at hand: an Error it throws says which one that was, and where.
    template <typename Fn>
    decltype(auto) at_place(Fn&& fn) const
    {
        return framing_.at_place(std::forward<Fn>(fn));
    }

private:
    void read_page_list(std::uint32_t count, Pfn max_pfn);

    // In the order of the stream: each is read, and checked, where the one before it stopped.
    ImageHeaderLayout image_layout_;
    ImageHeader image_;
    DomainHeaderLayout domain_layout_;
    DomainHeader domain_;
    RecordFraming framing_;
    std::vector<PageEntry> entries_;
};

}  // namespace sr
