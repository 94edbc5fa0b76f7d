// SPDX-License-Identifier: LGPL-2.1-or-later
// grant_table_op for oneself, and the layouts of both versions.
#include "tests/fakexen/guest/grant_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace fakexen::guest {

namespace {

constexpr unsigned domid_shift = 16;

Va entry_va(const Kernel& kernel, grant_ref_t ref)
{
    const std::uint32_t per_frame = grants_per_frame(kernel.state.grants.version);
    if (ref / per_frame >= kernel.state.grants.nr_frames) {
        throw Panic{"grant %u is beyond the table", ref};
    }
    return fixmap_page(kernel, grant_frames_at + ref / per_frame) +
           ref % per_frame * (page_size / per_frame);
}

/// Flags and domid, which Xen and others on its behalf change as we look.
std::atomic_ref<std::uint32_t> head_at(const Kernel& kernel, Va va)
{
    return std::atomic_ref{kernel.space().object<std::uint32_t>(va)};
}

Va status_va(const Kernel& kernel, grant_ref_t ref)
{
    return fixmap_page(kernel, status_frames_at) + ref * sizeof(grant_status_t);
}

GrantEntry from_v2(const grant_entry_v2_t& raw)
{
    GrantEntry entry{.flags = raw.hdr.flags, .domid = raw.hdr.domid};
    if ((entry.flags & GTF_type_mask) == GTF_transitive) {
        entry.trans_domid = raw.transitive.trans_domid;
        entry.trans_ref = raw.transitive.gref;
        return entry;
    }
    if ((entry.flags & GTF_sub_page) != 0) {
        entry.page_offset = raw.sub_page.page_off;
        entry.length = raw.sub_page.length;
    }
    entry.frame = raw.full_page.frame;
    return entry;
}

/// All but the head.
grant_entry_v2_t to_v2(const GrantEntry& entry)
{
    grant_entry_v2_t raw = {};
    if ((entry.flags & GTF_type_mask) == GTF_transitive) {
        raw.transitive.trans_domid = entry.trans_domid;
        raw.transitive.gref = entry.trans_ref;
    } else {
        raw.sub_page.page_off = entry.page_offset;
        raw.sub_page.length = entry.length;
        raw.sub_page.frame = entry.frame;
    }
    return raw;
}

void map_frame(const Kernel& kernel, std::uint64_t fixmap_slot, std::uint64_t entry)
{
    must(kernel.machine().update_va_mapping(fixmap_page(kernel, fixmap_slot), entry),
         "mapping the grant table");
}

void map_status_frames(const Kernel& kernel, std::uint32_t nr_frames)
{
    std::array<std::uint64_t, status_frames_for(max_grant_frames)> frames{};
    gnttab_get_status_frames_t request = {};
    request.dom = DOMID_SELF;
    request.nr_frames = nr_frames;
    set_xen_guest_handle(request.frame_list, frames.data());
    grant_table_op(kernel, GNTTABOP_get_status_frames, request, "GNTTABOP_get_status_frames");
    for (std::size_t n = 0; n < nr_frames; ++n) {
        map_frame(kernel, status_frames_at + n, pte::make(frames.at(n), pte::read_write));
    }
}

}  // namespace

std::uint32_t ask_grant_version(const Kernel& kernel)
{
    gnttab_get_version_t request = {};
    request.dom = DOMID_SELF;
    must(kernel.machine().hypercall(__HYPERVISOR_grant_table_op,
                                    {GNTTABOP_get_version, address_of(&request), 1}),
         "GNTTABOP_get_version");
    return request.version;
}

std::int64_t set_grant_version(const Kernel& kernel, std::uint32_t version)
{
    gnttab_set_version_t request = {version};
    return kernel.machine().hypercall(__HYPERVISOR_grant_table_op,
                                      {GNTTABOP_set_version, address_of(&request), 1});
}

gnttab_query_size_t ask_grant_size(const Kernel& kernel)
{
    gnttab_query_size_t request = {};
    request.dom = DOMID_SELF;
    grant_table_op(kernel, GNTTABOP_query_size, request, "GNTTABOP_query_size");
    return request;
}

void map_grant_table(Kernel& kernel, std::uint32_t nr_frames)
{
    const std::uint32_t most = std::min(ask_grant_size(kernel).max_nr_frames, max_grant_frames);
    if (nr_frames > most) {
        throw Panic{"the grant table may have %u frames, and needs %u", most, nr_frames};
    }
    std::array<xen_pfn_t, max_grant_frames> frames{};
    gnttab_setup_table_t request = {};
    request.dom = DOMID_SELF;
    request.nr_frames = nr_frames;
    set_xen_guest_handle(request.frame_list, frames.data());
    grant_table_op(kernel, GNTTABOP_setup_table, request, "GNTTABOP_setup_table");
    for (std::size_t n = 0; n < nr_frames; ++n) {
        map_frame(kernel, grant_frames_at + n, pte::make(frames.at(n), pte::read_write));
    }
    kernel.state.grants.nr_frames = nr_frames;
    if (kernel.state.grants.version == 2) {
        map_status_frames(kernel, status_frames_for(nr_frames));
    }
}

void unmap_grant_table(Kernel& kernel)
{
    const GrantState& grants = kernel.state.grants;
    for (std::uint32_t n = 0; n < grants.nr_frames; ++n) {
        map_frame(kernel, grant_frames_at + n, 0);
    }
    const std::uint32_t nr_status = grants.version == 2 ? status_frames_for(grants.nr_frames) : 0;
    for (std::uint32_t n = 0; n < nr_status; ++n) {
        map_frame(kernel, status_frames_at + n, 0);
    }
}

GrantEntry read_grant(const Kernel& kernel, grant_ref_t ref)
{
    const Va va = entry_va(kernel, ref);
    const auto raw = kernel.space().load<grant_entry_v1_t>(va);
    if (raw.flags == GTF_invalid) {
        return {};
    }
    if (kernel.state.grants.version == 2) {
        return from_v2(kernel.space().load<grant_entry_v2_t>(va));
    }
    return {.flags = static_cast<std::uint16_t>(raw.flags & ~unsigned{grant_use_flags}),
            .domid = raw.domid,
            .frame = raw.frame};
}

// The flags come last: with them the entry counts.
void write_grant(const Kernel& kernel, grant_ref_t ref, const GrantEntry& entry)
{
    const Va va = entry_va(kernel, ref);
    if (kernel.state.grants.version == 2) {
        kernel.space().store(va, to_v2(entry));
    } else {
        const grant_entry_v1_t raw = {0, 0, static_cast<std::uint32_t>(entry.frame)};
        kernel.space().store(va, raw);
    }
    head_at(kernel, va).store(std::uint32_t{entry.domid} << domid_shift | entry.flags);
}

bool end_grant_entry(const Kernel& kernel, grant_ref_t ref)
{
    const auto head = head_at(kernel, entry_va(kernel, ref));
    if (kernel.state.grants.version == 2) {
        head.store(0);
        auto& status = kernel.space().object<grant_status_t>(status_va(kernel, ref));
        return (std::atomic_ref{status}.load() & grant_use_flags) == 0;
    }
    std::uint32_t seen = head.load();
    do {
        if ((seen & grant_use_flags) != 0) {
            return false;
        }
    } while (!head.compare_exchange_weak(seen, 0));
    return true;
}

}  // namespace fakexen::guest
