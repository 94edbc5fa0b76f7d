// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoders of our extension records: docs/stream-extensions.md.
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"

#include <cinttypes>

namespace sr {
namespace {

constexpr const char* info_name = "SR_GRANT_TABLE_INFO";
constexpr const char* entries_name = "SR_GRANT_TABLE_ENTRIES";

GrantVersion decode_version(std::uint32_t number, const char* what)
{
    const auto version = grant_version_of(number);
    if (!version) {
        throw Error{Errc::malformed, "%s: version %" PRIu32 ", 1 and 2 are known", what, number};
    }
    return *version;
}

void check_nr_frames(std::uint32_t nr_frames, const char* what)
{
    if (nr_frames > limits::grant_frames_max) {
        throw Error{Errc::limit, "%s: a table of %" PRIu32 " frames, at most %" PRIu32 " are read",
                    what, nr_frames, limits::grant_frames_max};
    }
}

std::optional<GrantVersion> decode_max_version(std::uint32_t number, GrantVersion version)
{
    if (number == 0) {
        return std::nullopt;
    }
    const GrantVersion most = decode_version(number, info_name);
    if (most < version) {
        throw Error{Errc::malformed,
                    "%s: the table is of version %" PRIu32 ", and at most %" PRIu32 " is allowed",
                    info_name, number_of(version), number};
    }
    return most;
}

[[noreturn]] void refuse_entry(const GrantEntryLayout& layout, const char* why)
{
    throw Error{Errc::malformed,    "%s: entry %" PRIu32 " (flags %#x) %s", entries_name,
                layout.ref.value(), unsigned{layout.flags.value()},         why};
}

/// What an entry has and what it does not, by its flags.
struct EntryParts {
    bool frame;
    bool sub_page;
    bool source;
};

EntryParts parts_of(const StreamGrantEntry& entry) noexcept
{
    const GrantKind kind = entry.kind();
    const bool is_v2 = entry.version == GrantVersion::v2;
    return {.frame = entry.is_of_a_frame(),
            .sub_page = is_v2 && kind == GrantKind::permit_access &&
                        (entry.flags & grant_flag::sub_page) != 0,
            .source = is_v2 && kind == GrantKind::transitive};
}

void decode_parts(const GrantEntryLayout& layout, EntryParts parts, Pfn max_pfn,
                  StreamGrantEntry& entry)
{
    if (const Pfn frame{layout.frame.value()}; frame.number() != no_grant_frame) {
        if (!parts.frame) {
            refuse_entry(layout, "has a frame, though it is of none");
        }
        if (frame > max_pfn) {
            refuse_entry(layout, "names a frame above the domain's highest");
        }
        entry.frame = frame;
    }
    if (parts.sub_page) {
        entry.sub_page = {layout.page_offset.value(), layout.length.value()};
    } else if (layout.page_offset.value() != 0 || layout.length.value() != 0) {
        refuse_entry(layout, "is limited to a part of a page, which its kind cannot be");
    }
    if (parts.source) {
        entry.source = {layout.trans_domid.value(), layout.trans_ref.value()};
    } else if (layout.trans_domid.value() != 0 || layout.trans_ref.value() != 0) {
        refuse_entry(layout, "names another domain's entry, which its kind does not");
    }
}

StreamGrantEntry decode_entry(const GrantEntryLayout& layout, GrantVersion version, Pfn max_pfn)
{
    StreamGrantEntry entry;
    entry.version = version;
    entry.ref = layout.ref.value();
    entry.flags = layout.flags.value();
    entry.domid = layout.domid.value();
    entry.status = layout.status.value();
    const std::uint16_t status_mask =
        version == GrantVersion::v2 ? grant_flag::status_mask : std::uint16_t{0};
    if ((entry.status & ~status_mask) != 0) {
        refuse_entry(layout, "has a status that its version does not have");
    }
    if (entry.flags == 0 && entry.status == 0) {
        refuse_entry(layout, "is empty");
    }
    decode_parts(layout, parts_of(entry), max_pfn, entry);
    return entry;
}

}  // namespace

GrantTableInfo decode_grant_table_info(std::span<const std::byte> body)
{
    ByteReader reader{body};
    const auto layout = reader.read<GrantTableInfoLayout>(info_name);
    reader.expect_end(info_name);
    GrantTableInfo info{.version = decode_version(layout.version.value(), info_name),
                        .nr_frames = layout.nr_frames.value(),
                        .max_frames = layout.max_frames.value(),
                        .max_version = std::nullopt};
    check_nr_frames(info.nr_frames, info_name);
    if (info.nr_frames > info.max_frames) {
        throw Error{Errc::malformed, "%s: %" PRIu32 " frames, more than the limit of %" PRIu32,
                    info_name, info.nr_frames, info.max_frames};
    }
    const std::uint32_t nr_status = nr_grant_status_frames(info.version, info.nr_frames);
    if (layout.nr_status_frames.value() != nr_status) {
        throw Error{Errc::malformed,
                    "%s: %" PRIu32 " status frames, a table of version %" PRIu32 " and %" PRIu32
                    " frames has %" PRIu32,
                    info_name,
                    layout.nr_status_frames.value(),
                    number_of(info.version),
                    info.nr_frames,
                    nr_status};
    }
    info.max_version = decode_max_version(layout.max_version.value(), info.version);
    return info;
}

GrantTableEntries decode_grant_table_entries(std::span<const std::byte> body, Pfn max_pfn)
{
    ByteReader reader{body};
    const auto header = reader.read<GrantTableEntriesHeader>(entries_name);
    GrantTableEntries table{.version = decode_version(header.version.value(), entries_name),
                            .nr_frames = header.nr_frames.value(),
                            .entries = {}};
    check_nr_frames(table.nr_frames, entries_name);
    const std::uint32_t nr_refs = table.nr_frames * grants_per_frame(table.version);
    const std::uint32_t count = header.count.value();
    const std::uint64_t expected = std::uint64_t{count} * sizeof(GrantEntryLayout);
    if (count > nr_refs || reader.size_left() != expected) {
        throw Error{Errc::malformed,
                    "%s: %" PRIu32 " entries of %" PRIu32 " need %" PRIu64 " octets, %zu are there",
                    entries_name,
                    count,
                    nr_refs,
                    expected,
                    reader.size_left()};
    }
    table.entries.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto layout = reader.read<GrantEntryLayout>(entries_name);
        if (layout.ref.value() >= nr_refs) {
            refuse_entry(layout, "lies beyond the frames of the table");
        }
        if (i != 0 && layout.ref.value() <= table.entries.back().ref) {
            refuse_entry(layout, "does not come after the one before it");
        }
        table.entries.push_back(decode_entry(layout, table.version, max_pfn));
    }
    return table;
}

}  // namespace sr
