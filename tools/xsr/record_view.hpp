// SPDX-License-Identifier: LGPL-2.1-or-later
// A record as text and as JSON: a line that sums it up, and all it says.
#pragma once

#include "libsr/base/guest_width.hpp"
#include "libsr/wire/decode.hpp"
#include "tools/xsr/console.hpp"

#include <span>
#include <string>

namespace sr {

/// What a body needs to be understood that stands elsewhere in the stream.
struct RecordContext {
    GuestWidth width = GuestWidth::bits64;
};

/// "vCPU 0: rip 0xffffffff810001aa, …". @throws Error as the decoder of the record
[[nodiscard]] std::string record_summary(RecordType type, std::span<const std::byte> body,
                                         const RecordContext& context);
/// Lines, each indented and ended; empty where the summary says all.
[[nodiscard]] std::string record_details(RecordType type, std::span<const std::byte> body,
                                         const RecordContext& context);
/// The same as members of an object.
[[nodiscard]] Json record_json(RecordType type, std::span<const std::byte> body,
                               const RecordContext& context);

// PAGE_DATA, whose contents nobody reads for this, and grants, which may be many, have their own.
[[nodiscard]] std::string pages_summary(std::span<const PageEntry> entries);
[[nodiscard]] std::string pages_details(std::span<const PageEntry> entries);
[[nodiscard]] Json pages_json(std::span<const PageEntry> entries);

}  // namespace sr
