// SPDX-License-Identifier: LGPL-2.1-or-later
// Entries of a grant table as lines and as JSON: of a stream, or of a domain that lives.
#pragma once

#include "libsr/mem/grant_entry.hpp"
#include "libsr/wire/decode.hpp"
#include "tools/xsr/console.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace sr {

/// A frame as far as it is known: in a file the guest's own page, of a live PV domain the machine's frame, and the page too if
/// it is the domain's.
struct ShownFrame {
    std::optional<Pfn> pfn;
    std::optional<Mfn> mfn;
    friend constexpr bool operator==(const ShownFrame&, const ShownFrame&) noexcept = default;
};
using ShownGrant = GrantEntryOf<ShownFrame>;

struct GrantStyle {
    /// The name of a domain, empty if it has none. Absent where nobody knows names: in a stream.
    std::function<std::string(std::uint32_t domid)> name_of;
    bool is_use_known = true;  ///< false where the status of version 2 could not be read
};

[[nodiscard]] ShownGrant shown(const StreamGrantEntry& entry) noexcept;

/// What a table has beside its entries.
struct ShownTableSize {
    GrantVersion version = GrantVersion::v1;
    std::uint32_t nr_frames = 0;
    std::optional<std::uint32_t> max_frames;
    std::optional<GrantVersion> max_version;
};
[[nodiscard]] ShownTableSize size_of(const GrantTableInfo& info) noexcept;
[[nodiscard]] ShownTableSize size_of(const GrantTableEntries& table) noexcept;

/// "version 2, 2 frames (at most 64), 1 status frame"
[[nodiscard]] std::string size_text(const ShownTableSize& size);
[[nodiscard]] Json size_json(const ShownTableSize& size);

/// Somebody uses what it grants, or granted: its domain has the page mapped, or copies from it. A transfer is no use.
[[nodiscard]] bool is_in_use(const ShownGrant& grant) noexcept;

/// The line above those of entries.
[[nodiscard]] std::string grant_heading();
/// Ref, to whom, which page, rights, use, and what there is to note; ended.
[[nodiscard]] std::string grant_line(const ShownGrant& grant, const GrantStyle& style);
/// "to 1: pfn 0xc, read, reading": the same in a sentence.
[[nodiscard]] std::string grant_phrase(const ShownGrant& grant, const GrantStyle& style);
[[nodiscard]] Json grant_json(const ShownGrant& grant, const GrantStyle& style);

/// Entries that are shown one at a time: a hostile stream may hold two million.
struct GrantList {
    std::size_t nr_entries = 0;
    std::function<ShownGrant(std::size_t)> entry;
    GrantStyle style;
};
/// Views the table.
[[nodiscard]] GrantList list_of(const GrantTableEntries& table);

[[nodiscard]] std::uint64_t nr_in_use(const GrantList& list);
/// "5 grants, 2 in use"
[[nodiscard]] std::string grants_count_text(std::uint64_t nr_entries, std::uint64_t in_use);
[[nodiscard]] std::string grants_count_text(const GrantList& list);
void print_grants(Console& console, const GrantList& list);
/// The object with one more member, "grants". @param before  what comes before each element: nothing, or a new line
void print_grants_json(Console& console, const Json& object, const GrantList& list,
                       const char* before);

}  // namespace sr
