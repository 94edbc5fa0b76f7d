// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes a libxc stream record by record.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/order.hpp"

#include <initializer_list>
#include <span>
#include <vector>

namespace sr {

/// A libxc stream being written. Once constructed it allocates nothing. Each record is one gathered
/// write. Records out of order are bugs of the writer's user: Error{internal}.
class StreamWriter {
public:
    /// Writes both headers. @param sink  must outlive this
    StreamWriter(Sink& sink, const DomainHeader& header, StreamKind kind = StreamKind::plain);

    /// A record whose body is the parts one after the other, at most max_parts of them; padding is
    /// added.
    /// @throws Error as Sink::write_gathered; Error{limit} for a body above
    /// limits::record_length_max
    void write_record(std::uint32_t type,
                      std::initializer_list<std::span<const std::byte>> parts = {});
    void write_record(RecordType type, std::initializer_list<std::span<const std::byte>> parts = {})
    {
        write_record(to_wire(type), parts);
    }

    /// A PAGE_DATA record.
    /// @param entries   1 to limits::pages_per_record pages
    /// @param contents  the contents of those entries that have some, in their order, in at most as
    /// many parts
    /// @throws as write_record; Error{internal} where the contents are not 4096 octets for each
    /// such entry
    void write_page_data(std::span<const PageEntry> entries, std::span<const iovec> contents);

    [[nodiscard]] std::uint64_t nr_records() const noexcept { return nr_records_; }

    static constexpr std::size_t max_parts = 6;

private:
    void write_parts(std::uint32_t type, std::span<iovec> parts);
    void check_order(std::uint32_t type);

    Sink& sink_;
    RecordOrder order_;
    std::uint64_t start_;
    std::uint64_t nr_records_ = 0;
    Octets page_list_;
    std::vector<iovec> page_parts_;
};

}  // namespace sr
