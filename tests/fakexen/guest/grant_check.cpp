// SPDX-License-Identifier: LGPL-2.1-or-later
// Looking at every entry.
#include "tests/fakexen/guest/grant_check.hpp"

#include "tests/fakexen/guest/grant_records.hpp"
#include "tests/fakexen/guest/granter.hpp"

#include <cinttypes>
#include <cstdio>

namespace fakexen::guest {

namespace {

std::string text_of(const GrantEntry& entry)
{
    char text[160] = {};
    (void)std::snprintf(text, sizeof text, "flags %#x domid %u frame %#" PRIx64 " (%u+%u, %u:%u)",
                        entry.flags, entry.domid, entry.frame, entry.page_offset, entry.length,
                        entry.trans_domid, entry.trans_ref);
    return text;
}

void expect_entry(const Kernel& kernel, grant_ref_t ref, const GrantEntry& want,
                  std::vector<std::string>& wrong)
{
    if (const GrantEntry got = read_grant(kernel, ref); got != want) {
        wrong.push_back("grant " + std::to_string(ref) + " is " + text_of(got) + ", not " +
                        text_of(want));
    }
}

std::uint32_t nr_entries(const Kernel& kernel)
{
    return kernel.state.grants.nr_frames * grants_per_frame(kernel.state.grants.version);
}

/// What the kernel has made of an entry. In version 2 one that is to end lets nobody map it any more.
GrantEntry known_entry(const Kernel& kernel, grant_ref_t ref)
{
    if (ref < directory_ref || ref >= kernel.state.grants.nr_refs) {
        return {};
    }
    const GrantRecord record = grant_record(kernel, ref);
    const GrantEntry entry = entry_of(kernel, ref, record);
    return record.ending != 0 && kernel.state.grants.version == 2 ? GrantEntry{} : entry;
}

/// Whose ring it is decides the domain; the fake hosts have both in dom0.
GrantEntry seeded_entry(const Kernel& kernel, Pfn ring)
{
    return {.flags = GTF_permit_access, .domid = 0, .frame = kernel.p2m(ring)};
}

}  // namespace

void check_grant_version(const Kernel& kernel, std::vector<std::string>& wrong)
{
    const std::uint32_t version = ask_grant_version(kernel);
    if (version != kernel.state.grants.version) {
        wrong.push_back("the grant table is of version " + std::to_string(version) + ", not " +
                        std::to_string(kernel.state.grants.version));
    }
}

void check_directory(const Kernel& kernel, std::vector<std::string>& wrong)
{
    const Va page = kernel.abi().direct(grant_record(kernel, directory_ref).pfn);
    if (kernel.space().load<std::uint64_t>(page) != directory_magic) {
        wrong.emplace_back("the directory of grants is lost");
        return;
    }
    for (std::size_t n = 0; n < directory_slots; ++n) {
        const auto word = kernel.space().load<std::uint64_t>(page + DirectorySlot::offset_of(n));
        const DirectorySlot slot = DirectorySlot::of_word(word);
        const bool known = slot.ref < kernel.state.grants.nr_refs;
        const GrantRecord grant = known ? grant_record(kernel, slot.ref) : GrantRecord{};
        if (word != 0 && (slot.kind != grant.kind || slot.pfn != grant.pfn)) {
            wrong.push_back("the directory tells of grant " + std::to_string(slot.ref) +
                            ", which there is not");
        }
    }
}

void check_own_grants(const Kernel& kernel, std::vector<std::string>& wrong)
{
    for (grant_ref_t ref = GNTTAB_RESERVED_XENSTORE + 1; ref < nr_entries(kernel); ++ref) {
        expect_entry(kernel, ref, known_entry(kernel, ref), wrong);
    }
}

void check_new_table(const Kernel& kernel, std::vector<std::string>& wrong)
{
    const Places& at = kernel.state.places;
    for (grant_ref_t ref = 0; ref < nr_entries(kernel); ++ref) {
        GrantEntry want;
        if (ref == GNTTAB_RESERVED_CONSOLE) {
            want = seeded_entry(kernel, at.console_ring);
        } else if (ref == GNTTAB_RESERVED_XENSTORE) {
            want = seeded_entry(kernel, at.store_ring);
        }
        expect_entry(kernel, ref, want, wrong);
    }
}

}  // namespace fakexen::guest
