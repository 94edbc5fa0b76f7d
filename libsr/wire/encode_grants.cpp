// SPDX-License-Identifier: LGPL-2.1-or-later
// The encoders of our extension records: docs/stream-extensions.md.
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"

#include <cinttypes>

namespace sr {
namespace {

GrantEntryLayout encode_entry(const StreamGrantEntry& entry) noexcept
{
    GrantEntryLayout layout{};
    layout.ref = entry.ref;
    layout.flags = entry.flags;
    layout.domid = entry.domid;
    layout.frame = entry.frame ? entry.frame->number() : no_grant_frame;
    layout.status = entry.status;
    if (entry.sub_page) {
        layout.page_offset = entry.sub_page->offset;
        layout.length = entry.sub_page->length;
    }
    if (entry.source) {
        layout.trans_domid = entry.source->domid;
        layout.trans_ref = entry.source->ref;
    }
    return layout;
}

}  // namespace

GrantTableInfoLayout encode_grant_table_info(const GrantTableInfo& info) noexcept
{
    GrantTableInfoLayout layout{};
    layout.version = number_of(info.version);
    layout.nr_frames = info.nr_frames;
    layout.max_frames = info.max_frames;
    layout.max_version = info.max_version ? number_of(*info.max_version) : 0;
    layout.nr_status_frames = nr_grant_status_frames(info.version, info.nr_frames);
    return layout;
}

Octets encode_grant_table_entries(const GrantTableEntries& table)
{
    if (table.nr_frames > limits::grant_frames_max ||
        table.entries.size() > std::size_t{table.nr_frames} * grants_per_frame(table.version)) {
        throw Error{Errc::internal, "%zu grants in %" PRIu32 " frames cannot be encoded",
                    table.entries.size(), table.nr_frames};
    }
    GrantTableEntriesHeader header{};
    header.version = number_of(table.version);
    header.count = static_cast<std::uint32_t>(table.entries.size());
    header.nr_frames = table.nr_frames;
    Octets octets;
    octets.reserve(sizeof(header) + table.entries.size() * sizeof(GrantEntryLayout));
    append(octets, header);
    for (const StreamGrantEntry& entry : table.entries) {
        append(octets, encode_entry(entry));
    }
    return octets;
}

}  // namespace sr
