// SPDX-License-Identifier: LGPL-2.1-or-later
// Grants by reference, in an array of the kernel's.
#include "tests/fakexen/guest/grant_records.hpp"

#include "tests/fakexen/guest/granter.hpp"

namespace fakexen::guest {

namespace {

// A part of a page, and somebody else's grant, of which it only matters that they cross as they are.
constexpr std::uint16_t part_octets = 512;
constexpr std::uint16_t third_domid = 0;
constexpr std::uint32_t third_ref = 1000;

Va record_va(const Kernel& kernel, grant_ref_t ref)
{
    if (ref >= nr_grant_refs(kernel.state.settings.grant_pages)) {
        throw Panic{"grant %u is beyond the records", ref};
    }
    return kernel.abi().direct(kernel.state.places.grants) + ref * sizeof(GrantRecord);
}

std::optional<grant_ref_t> pick(Kernel& kernel, bool used)
{
    constexpr int most_tries = 64;
    const std::uint32_t first = directory_ref + 1;
    const std::uint32_t nr = nr_grant_refs(kernel.state.settings.grant_pages) - first;
    for (int tries = 0; tries < most_tries; ++tries) {
        const auto ref = first + static_cast<grant_ref_t>(kernel.random().below(nr));
        if ((grant_record(kernel, ref).kind != GrantKind::none) == used) {
            return ref;
        }
    }
    return {};
}

}  // namespace

GrantRecord grant_record(const Kernel& kernel, grant_ref_t ref)
{
    return kernel.space().load<GrantRecord>(record_va(kernel, ref));
}

void set_grant_record(const Kernel& kernel, grant_ref_t ref, const GrantRecord& record)
{
    kernel.space().store(record_va(kernel, ref), record);
}

std::optional<grant_ref_t> pick_grant(Kernel& kernel)
{
    return pick(kernel, true);
}

std::optional<grant_ref_t> pick_free_ref(Kernel& kernel)
{
    return pick(kernel, false);
}

GrantEntry entry_of(const Kernel& kernel, grant_ref_t ref, const GrantRecord& record)
{
    GrantEntry entry{.domid = static_cast<std::uint16_t>(kernel.state.settings.grant_peer)};
    switch (record.kind) {
    case GrantKind::none:
        return {};
    case GrantKind::directory:
    case GrantKind::read_only:
        entry.flags = GTF_permit_access | GTF_readonly;
        break;
    case GrantKind::read_write:
        entry.flags = GTF_permit_access;
        break;
    case GrantKind::sub_page:
        entry.flags = GTF_permit_access | GTF_readonly | GTF_sub_page;
        entry.page_offset =
            static_cast<std::uint16_t>(ref * std::size_t{64} % (page_size - part_octets));
        entry.length = part_octets;
        break;
    case GrantKind::transitive:
        entry.flags = GTF_transitive;
        entry.trans_domid = third_domid;
        entry.trans_ref = third_ref + ref;
        return entry;
    }
    entry.frame = kernel.p2m(record.pfn);
    return entry;
}

}  // namespace fakexen::guest
