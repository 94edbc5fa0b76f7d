// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding frames of a grant table.
#include "libsr/mem/grant_entry.hpp"

#include "libsr/base/bytes.hpp"

#include <cassert>

namespace sr {
namespace {

/// Octets at which an entry's fields stand: public/grant_table.h, grant_entry_v1 and grant_entry_v2.
constexpr std::size_t at_flags = 0;
constexpr std::size_t at_domid = 2;
constexpr std::size_t v1_at_frame = 4;
constexpr std::size_t v2_at_page_offset = 4;
constexpr std::size_t v2_at_length = 6;
constexpr std::size_t v2_at_source_domid = 4;
constexpr std::size_t v2_at_source_ref = 8;
constexpr std::size_t v2_at_frame = 8;

using EntryOctets = std::span<const std::byte>;

bool has_frame(GrantKind kind) noexcept
{
    return kind == GrantKind::permit_access || kind == GrantKind::accept_transfer;
}

void take_v1(EntryOctets octets, GrantEntry& entry)
{
    if (has_frame(entry.kind())) {
        entry.frame = Gfn{load<std::uint32_t>(octets, v1_at_frame)};
    }
}

void take_v2(EntryOctets octets, GrantEntry& entry)
{
    if (has_frame(entry.kind())) {
        entry.frame = Gfn{load<std::uint64_t>(octets, v2_at_frame)};
    }
    if (entry.kind() == GrantKind::permit_access && (entry.flags & grant_flag::sub_page) != 0) {
        entry.sub_page = {load<std::uint16_t>(octets, v2_at_page_offset),
                          load<std::uint16_t>(octets, v2_at_length)};
    }
    if (entry.kind() == GrantKind::transitive) {
        entry.source = {load<std::uint16_t>(octets, v2_at_source_domid),
                        load<std::uint32_t>(octets, v2_at_source_ref)};
    }
}

}  // namespace

const char* to_string(GrantKind kind) noexcept
{
    switch (kind) {
    case GrantKind::invalid:
        return "invalid";
    case GrantKind::permit_access:
        return "access";
    case GrantKind::accept_transfer:
        return "transfer";
    case GrantKind::transitive:
        return "transitive";
    }
    return "unknown";
}

void decode_grant_frame(GrantVersion version, std::span<const std::byte, page_size> frame,
                        std::span<const std::byte> status, std::uint32_t first_ref,
                        std::vector<GrantEntry>& to)
{
    const std::uint32_t nr_entries = grants_per_frame(version);
    const std::size_t length = page_size / nr_entries;
    assert(status.empty() ||
           (version == GrantVersion::v2 && status.size() == nr_entries * sizeof(std::uint16_t)));
    for (std::uint32_t i = 0; i < nr_entries; ++i) {
        const EntryOctets octets = frame.subspan(i * length, length);
        GrantEntry entry;
        entry.version = version;
        entry.ref = first_ref + i;
        entry.flags = load<std::uint16_t>(octets, at_flags);
        if (!status.empty()) {
            entry.status =
                load<std::uint16_t>(status, i * sizeof(std::uint16_t)) & grant_flag::status_mask;
        }
        if (entry.flags == 0 && entry.status == 0) {
            continue;
        }
        entry.domid = load<std::uint16_t>(octets, at_domid);
        if (version == GrantVersion::v1) {
            take_v1(octets, entry);
        } else {
            take_v2(octets, entry);
        }
        to.push_back(entry);
    }
}

}  // namespace sr
