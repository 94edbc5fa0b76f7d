// SPDX-License-Identifier: LGPL-2.1-or-later
// Growing tables and switching versions: xen/common/grant_table.c and XENMEM_acquire_resource of Xen 4.17.
#include "tests/fakexen/host/grant_frames.hpp"

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/grant_entry.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace fakexen {
namespace {

using Reserved = std::array<grant_entry_v1_t, GNTTAB_NR_RESERVED_ENTRIES>;
constexpr std::uint16_t use_flags = GTF_reading | GTF_writing;

/// Another of Xen's pages in a list. False: there is no memory, or it is to fail.
bool add_frame(Hypervisor& xen, Domain& domain, std::vector<Mfn>& frames, const char* what)
{
    const auto mfn = xen.allows(what) ? xen.take_xen_page(domain) : std::nullopt;
    if (mfn) {
        frames.push_back(*mfn);
    }
    return mfn.has_value();
}

/// Frees what a list has beyond its first `nr` frames.
void shrink(Hypervisor& xen, std::vector<Mfn>& frames, std::size_t nr)
{
    const std::vector<Mfn> surplus{frames.begin() + static_cast<std::ptrdiff_t>(nr), frames.end()};
    frames.resize(nr, Mfn{0});  // no access to them from here on
    for (const Mfn mfn : surplus) {
        xen.types.release(mfn);
    }
}

/// All that a failed switch or growth has added goes again, the array too if it was not there before.
int populate_status(Hypervisor& xen, Domain& domain, std::uint32_t nr_shared)
{
    GrantTable& table = domain.grants;
    const bool had_array = table.status.has_value();
    if (!had_array) {
        if (!xen.allows("alloc_status_array")) {
            return -ENOMEM;
        }
        table.status.emplace();
    }
    const std::size_t before = table.status->size();
    while (table.status->size() < GrantTable::status_frames_for(nr_shared)) {
        if (!add_frame(xen, domain, *table.status, "alloc_status_frame")) {
            shrink(xen, *table.status, before);
            if (!had_array) {
                table.status.reset();
            }
            return -ENOMEM;
        }
        xen.note_status_frames();
    }
    return 0;
}

bool is_held(Hypervisor& xen, const std::vector<Mfn>& frames)
{
    return std::any_of(frames.begin(), frames.end(), [&](Mfn mfn) {
        return xen.machine.frame(mfn).references > 1;  // one is the allocation's
    });
}

/// Frames that somebody has mapped cannot go: then none does.
int unpopulate_status(Hypervisor& xen, GrantTable& table)
{
    if (is_held(xen, *table.status)) {
        (void)xen.maps.reclaim_stale();
        if (is_held(xen, *table.status)) {
            return -EBUSY;
        }
    }
    shrink(xen, *table.status, 0);
    if (!xen.config().eager_status) {
        table.status.reset();
    }
    return 0;
}

bool has_use(const GrantTable& table)
{
    return std::any_of(table.active.begin(), table.active.end(), [](const auto& grant) {
        return grant.first >= GNTTAB_NR_RESERVED_ENTRIES && grant.second.is_mapped();
    });
}

/// A process may have unmapped a grant unseen.
bool is_in_use(Hypervisor& xen, const GrantTable& table)
{
    return has_use(table) && (!xen.maps.reclaim_stale() || has_use(table));
}

/// Reserved entries as version 1 has them. False: one cannot be told so.
bool to_v1(const Hypervisor& xen, const GrantTable& table, Reserved& entries)
{
    for (grant_ref_t ref = 0; ref < entries.size(); ++ref) {
        const GrantEntry entry{xen.machine, table, ref};
        const std::uint32_t head = entry.head().load();
        const std::uint64_t frame = entry.frame();
        const auto flags = static_cast<std::uint16_t>(head);
        switch (flags & GTF_type_mask) {
        case GTF_permit_access:
            if (frame >> 32 != 0) {
                return false;
            }
            entries.at(ref) = {static_cast<std::uint16_t>(flags | entry.status().load()),
                               static_cast<domid_t>(head >> 16), static_cast<std::uint32_t>(frame)};
            break;
        case GTF_transitive:
            return false;
        default:
            entries.at(ref) = {};
            break;
        }
    }
    return true;
}

Reserved read_v1(const Hypervisor& xen, const GrantTable& table)
{
    return xen.machine.structure<Reserved>(table.shared.front());
}

void write_v1(const Hypervisor& xen, const GrantTable& table, const Reserved& entries)
{
    xen.machine.structure<Reserved>(table.shared.front()) = entries;
}

void write_v2(const Hypervisor& xen, const GrantTable& table, const Reserved& entries)
{
    auto& shared = xen.machine.structure<std::array<grant_entry_v2_t, GNTTAB_NR_RESERVED_ENTRIES>>(
        table.shared.front());
    auto& status = xen.machine.structure<std::array<grant_status_t, GNTTAB_NR_RESERVED_ENTRIES>>(
        table.status->front());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        status.at(i) = entries.at(i).flags & use_flags;
        shared.at(i).full_page = {
            .hdr = {.flags = static_cast<std::uint16_t>(entries.at(i).flags & ~use_flags),
                    .domid = entries.at(i).domid},
            .pad0 = 0,
            .frame = entries.at(i).frame};
    }
}

void clear_shared(const Hypervisor& xen, const GrantTable& table)
{
    for (const Mfn mfn : table.shared) {
        const auto contents = xen.machine.contents(mfn);
        std::fill(contents.begin(), contents.end(), std::byte{0});
    }
}

/// One piece of an acquisition: grows the table so that it has the last of the frames, then takes them.
bool acquire_piece(Hypervisor& xen, Domain& domain, const GrantResource& piece,
                   std::vector<std::uint64_t>& frames)
{
    GrantTable& table = domain.grants;
    const bool of_status = piece.id == XENMEM_resource_grant_table_id_status;
    if (of_status && table.version() != 2) {
        return false;
    }
    const std::uint64_t end = piece.frame + piece.nr_frames;
    const std::uint64_t has = of_status ? table.nr_status_frames() : table.shared.size();
    if (end > has) {
        const std::uint64_t needed = of_status ? GrantTable::frames_for_status(end) : end;
        if (needed > table.limits.max_frames || grow_grant_table(xen, domain, needed) != 0) {
            return false;
        }
    }
    const std::vector<Mfn>& all = of_status ? *table.status : table.shared;
    for (std::uint64_t i = piece.frame; i < end; ++i) {
        frames.push_back(all.at(i).number());
    }
    return true;
}

}  // namespace

int make_grant_table(Hypervisor& xen, Domain& domain)
{
    if (xen.config().eager_status) {
        if (!xen.allows("alloc_status_array")) {
            return -ENOMEM;
        }
        domain.grants.status.emplace();
    }
    return grow_grant_table(xen, domain, GrantTable::initial_frames);
}

int grow_grant_table(Hypervisor& xen, Domain& domain, std::uint64_t nr_frames)
{
    GrantTable& table = domain.grants;
    if (nr_frames > table.limits.max_frames) {
        return -EINVAL;
    }
    const std::size_t before = table.shared.size();
    bool enough = true;
    while (enough && table.shared.size() < nr_frames) {
        enough = add_frame(xen, domain, table.shared, "alloc_shared_frame");
    }
    const auto nr_shared = static_cast<std::uint32_t>(table.shared.size());
    if (!enough || (table.version() == 2 && populate_status(xen, domain, nr_shared) != 0)) {
        shrink(xen, table.shared, before);
        return -ENOMEM;
    }
    return 0;
}

int set_grant_version(Hypervisor& xen, Domain& domain, std::uint32_t version)
{
    GrantTable& table = domain.grants;
    if (version != 1 && version != 2) {
        return -EINVAL;
    }
    if (version > table.limits.max_version) {
        return -ENOSYS;  // as if there were no such call
    }
    if (version == table.version()) {
        return 0;
    }
    if (is_in_use(xen, table)) {
        return -EBUSY;
    }
    Reserved reserved = {};
    if (version == 2) {
        const auto nr_shared = static_cast<std::uint32_t>(table.shared.size());
        if (const int error = populate_status(xen, domain, nr_shared); error != 0) {
            return error;
        }
        reserved = read_v1(xen, table);
        clear_shared(xen, table);
        write_v2(xen, table, reserved);
    } else {
        if (!to_v1(xen, table, reserved)) {
            return -ERANGE;
        }
        if (const int error = unpopulate_status(xen, table); error != 0) {
            return error;
        }
        clear_shared(xen, table);
        write_v1(xen, table, reserved);
    }
    table.set_version(version);
    xen.log().info("d%u: grant table version %u", domain.id, version);
    return 0;
}

std::uint32_t grant_resource_size(const GrantTable& table, std::uint32_t id)
{
    switch (id) {
    case XENMEM_resource_grant_table_id_shared:
        return table.limits.max_frames;
    case XENMEM_resource_grant_table_id_status:
        return GrantTable::status_frames_for(table.limits.max_frames);
    default:
        return 0;
    }
}

std::vector<std::uint64_t> acquire_grant_frames(Hypervisor& xen, Domain& domain,
                                                const GrantResource& wanted)
{
    constexpr std::uint64_t piece_frames = 32;  // what Xen does before it looks up
    constexpr std::uint64_t number_max = ~std::uint32_t{0};
    if (wanted.nr_frames == 0 || wanted.frame > number_max || wanted.nr_frames > number_max ||
        wanted.frame + wanted.nr_frames > number_max || domain.life != Life::alive ||
        grant_resource_size(domain.grants, wanted.id) == 0) {
        throw Refused{EINVAL};
    }
    std::vector<std::uint64_t> frames;
    while (frames.size() < wanted.nr_frames) {
        const GrantResource piece = {.id = wanted.id,
                                     .frame = wanted.frame + frames.size(),
                                     .nr_frames =
                                         std::min(piece_frames, wanted.nr_frames - frames.size())};
        if (!acquire_piece(xen, domain, piece, frames)) {
            throw Refused{EINVAL};
        }
    }
    return frames;
}

}  // namespace fakexen
