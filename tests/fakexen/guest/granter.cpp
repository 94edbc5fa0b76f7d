// SPDX-License-Identifier: LGPL-2.1-or-later
// Granting, taking back, switching versions; and over a suspend what Linux does (drivers/xen/grant-table.c: gnttab_suspend,
// gnttab_resume): unmap all frames, then choose the version as if at boot and set the table up again.
#include "tests/fakexen/guest/granter.hpp"

#include "tests/fakexen/guest/grant_check.hpp"
#include "tests/fakexen/guest/grant_records.hpp"
#include "tests/fakexen/guest/pages.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fakexen::guest {

namespace {

bool grants_anything(const Kernel& kernel)
{
    return kernel.state.settings.grants != 0;
}

Va directory_slot(const Kernel& kernel, grant_ref_t ref)
{
    const GrantRecord directory = grant_record(kernel, directory_ref);
    return kernel.abi().direct(directory.pfn) + DirectorySlot::offset_of(ref % directory_slots);
}

void announce(const Kernel& kernel, grant_ref_t ref, const GrantRecord& record)
{
    const DirectorySlot slot{static_cast<std::uint32_t>(record.pfn), ref, record.kind};
    kernel.space().store(directory_slot(kernel, ref), slot.word());
}

void withdraw(const Kernel& kernel, grant_ref_t ref)
{
    const Va slot = directory_slot(kernel, ref);
    if (DirectorySlot::of_word(kernel.space().load<std::uint64_t>(slot)).ref == ref) {
        kernel.space().store(slot, std::uint64_t{0});
    }
}

/// Lets the table have the entry. False: it cannot grow so far.
bool reach_ref(Kernel& kernel, grant_ref_t ref)
{
    GrantState& grants = kernel.state.grants;
    const std::uint32_t needed = frames_for_grants(grants.version, ref + 1);
    if (needed > grants.nr_frames) {
        if (needed > std::min(ask_grant_size(kernel).max_nr_frames, max_grant_frames)) {
            return false;
        }
        map_grant_table(kernel, needed);
    }
    grants.nr_refs = std::max(grants.nr_refs, ref + 1);
    return true;
}

GrantKind pick_kind(Kernel& kernel)
{
    constexpr std::array kinds = {GrantKind::read_only, GrantKind::read_write, GrantKind::sub_page,
                                  GrantKind::transitive};
    const std::size_t nr = kernel.state.grants.version == 2 ? kinds.size() : 2;
    return kinds.at(kernel.random().below(nr));
}

/// A page of data, written, becomes one that others may map.
std::optional<Pfn> take_page(Kernel& kernel, GrantKind kind)
{
    const auto pfn = kernel.pick_free_data();
    if (pfn) {
        rewrite_page(kernel, *pfn);
        PageRecord record = kernel.record(*pfn);
        record.role = Role::granted;
        record.level = static_cast<std::uint8_t>(kind);
        kernel.set_record(*pfn, record);
    }
    return pfn;
}

/// The page is plain data again.
void give_page_back(Kernel& kernel, const GrantRecord& grant)
{
    if (grant.kind == GrantKind::transitive) {
        return;
    }
    PageRecord record = kernel.record(grant.pfn);
    record.role = Role::data;
    record.level = 0;
    kernel.set_record(grant.pfn, record);
    rewrite_page(kernel, grant.pfn);
}

void make_grant(Kernel& kernel, grant_ref_t ref, GrantKind kind)
{
    if (!reach_ref(kernel, ref)) {
        return;
    }
    const auto pfn =
        kind == GrantKind::transitive ? std::optional<Pfn>{0} : take_page(kernel, kind);
    if (!pfn) {
        return;
    }
    const GrantRecord record{.pfn = *pfn, .kind = kind, .ending = 0, .reserved = {}};
    set_grant_record(kernel, ref, record);
    if (kind == GrantKind::directory) {
        kernel.store(*pfn, 0, std::array<std::uint64_t, page_size / 8>{directory_magic});
    } else {
        ++kernel.state.grants.nr_grants;
        ++kernel.state.grants.nr_made;
        announce(kernel, ref, record);
    }
    write_grant(kernel, ref, entry_of(kernel, ref, record));
}

/// Of a grant whose entry is no more.
void forget_grant(Kernel& kernel, grant_ref_t ref, const GrantRecord& record)
{
    give_page_back(kernel, record);
    set_grant_record(kernel, ref, {});
    --kernel.state.grants.nr_grants;
    ++kernel.state.grants.nr_ended;
}

/// One that is mapped is left as it is, and told to nobody any more.
void end_grant(Kernel& kernel, grant_ref_t ref)
{
    GrantRecord record = grant_record(kernel, ref);
    withdraw(kernel, ref);
    if (end_grant_entry(kernel, ref)) {
        forget_grant(kernel, ref, record);
        return;
    }
    record.ending = 1;
    set_grant_record(kernel, ref, record);
    ++kernel.state.grants.nr_busy;
}

void make_some_grant(Kernel& kernel)
{
    if (const auto ref = pick_free_ref(kernel)) {
        make_grant(kernel, *ref, pick_kind(kernel));
    }
}

/// Asks for the version that is wanted. Linux 3.x panicked when it could not have version 2; since 4.15 it makes do
/// with version 1.
/// @return 0 or what Xen says, other than that the version is not to be had
std::int64_t choose_version(Kernel& kernel)
{
    GrantState& grants = kernel.state.grants;
    const std::int64_t result = set_grant_version(kernel, grants.wanted);
    if (result == 0) {
        grants.version = grants.wanted;
        grants.unavailable = 0;
    } else if (result == -ENOSYS) {
        if ((kernel.state.settings.workload & workload_need_v2) != 0) {
            throw Panic{"grant tables of version %u are needed, and not to be had", grants.wanted};
        }
        grants.version = ask_grant_version(kernel);
        grants.unavailable = 1;
        return 0;
    }
    return result;
}

/// After the table has been emptied: all grants that it can have are made again, where they were.
void refill_table(Kernel& kernel)
{
    const GrantState& grants = kernel.state.grants;
    for (grant_ref_t ref = directory_ref; ref < grants.nr_refs; ++ref) {
        const GrantRecord record = grant_record(kernel, ref);
        if (record.kind == GrantKind::none) {
            continue;
        }
        if (record.ending != 0 || !has_kind(grants.version, record.kind)) {
            withdraw(kernel, ref);
            forget_grant(kernel, ref, record);
        } else {
            write_grant(kernel, ref, entry_of(kernel, ref, record));
        }
    }
}

/// While anybody maps anything Xen refuses; then all is as before, and it is tried again in the next quantum.
void try_to_switch(Kernel& kernel)
{
    GrantState& grants = kernel.state.grants;
    const std::uint32_t before = grants.version;
    unmap_grant_table(kernel);
    const std::int64_t result = choose_version(kernel);
    if (result < 0 && result != -EBUSY && result != -EAGAIN && result != -ENOMEM) {
        must(result, "GNTTABOP_set_version");
    }
    const std::uint32_t needed = frames_for_grants(grants.version, grants.nr_refs);
    map_grant_table(kernel, std::max(ask_grant_size(kernel).nr_frames, needed));
    if (grants.version != before) {
        ++grants.nr_switches;
        refill_table(kernel);
    } else if (result < 0) {
        ++grants.nr_refused;
    }
}

/// A page that others may only read is rewritten like any other.
void rewrite_some_granted_page(Kernel& kernel)
{
    const auto ref = pick_grant(kernel);
    const GrantRecord record = ref ? grant_record(kernel, *ref) : GrantRecord{};
    if (is_read_only(record.kind)) {
        rewrite_page(kernel, record.pfn);
    }
}

}  // namespace

void start_grants(Kernel& kernel)
{
    if (!grants_anything(kernel)) {
        return;
    }
    GrantState& grants = kernel.state.grants;
    grants.wanted = kernel.state.settings.grants;
    must(choose_version(kernel), "GNTTABOP_set_version");
    map_grant_table(kernel, 1);
    make_grant(kernel, directory_ref, GrantKind::directory);
    if (grant_record(kernel, directory_ref).kind == GrantKind::none) {
        throw Panic{"no page for the first grant"};
    }
    for (std::uint32_t n = 0; n < kernel.state.settings.grant_pages; ++n) {
        make_grant(kernel, directory_ref + 1 + n, pick_kind(kernel));
    }
}

void work_on_grants(Kernel& kernel)
{
    const Settings& settings = kernel.state.settings;
    GrantState& grants = kernel.state.grants;
    if (!grants_anything(kernel)) {
        return;
    }
    if (settings.grant_switch != 0 && kernel.state.count % settings.grant_switch == 0) {
        order_grant_version(kernel, 3 - grants.version);
    }
    if (grants.wanted != grants.version && grants.unavailable == 0) {
        try_to_switch(kernel);
    }
    for (std::uint32_t n = 0; n < settings.grant_rate; ++n) {
        if (const auto ref = pick_grant(kernel)) {
            end_grant(kernel, *ref);
        }
    }
    for (std::uint32_t n = 0;
         n < 2 * settings.grant_rate && grants.nr_grants < settings.grant_pages; ++n) {
        make_some_grant(kernel);
    }
    rewrite_some_granted_page(kernel);
}

void order_grant_version(Kernel& kernel, std::uint32_t version)
{
    kernel.state.grants.wanted = version;
    kernel.state.grants.unavailable = 0;
}

void suspend_grants(Kernel& kernel)
{
    if (grants_anything(kernel)) {
        unmap_grant_table(kernel);
    }
}

std::vector<std::string> resume_grants(Kernel& kernel, bool same_domain)
{
    if (!grants_anything(kernel)) {
        return {};
    }
    GrantState& grants = kernel.state.grants;
    std::vector<std::string> wrong;
    if (same_domain) {
        check_grant_version(kernel, wrong);
        must(set_grant_version(kernel, grants.version), "GNTTABOP_set_version");
    } else {
        must(choose_version(kernel), "GNTTABOP_set_version");
    }
    const std::uint32_t needed = frames_for_grants(grants.version, grants.nr_refs);
    map_grant_table(kernel, std::max(ask_grant_size(kernel).nr_frames, needed));
    check_directory(kernel, wrong);
    if (same_domain) {
        check_own_grants(kernel, wrong);
    } else {
        check_new_table(kernel, wrong);
        refill_table(kernel);
    }
    return wrong;
}

std::string describe_grants(const Kernel& kernel)
{
    if (!grants_anything(kernel)) {
        return {};
    }
    const GrantState& grants = kernel.state.grants;
    std::string text = "version " + std::to_string(grants.version);
    const auto add = [&](const char* what, std::uint64_t n) {
        text += std::string{", "} + what + " " + std::to_string(n);
    };
    add("frames", grants.nr_frames);
    add("grants", grants.nr_grants);
    add("made", grants.nr_made);
    add("ended", grants.nr_ended);
    add("busy", grants.nr_busy);
    add("switches", grants.nr_switches);
    add("refused", grants.nr_refused);
    return text;
}

}  // namespace fakexen::guest
