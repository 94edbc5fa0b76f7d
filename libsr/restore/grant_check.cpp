// SPDX-License-Identifier: LGPL-2.1-or-later
// What a guest's grant table needs, held against what there is.
#include "libsr/restore/grant_check.hpp"

#include "libsr/wire/decode.hpp"
#include "libsr/xen/grant_table.hpp"

#include <cinttypes>
#include <set>

namespace sr {

void GrantCheck::take_info(std::span<const std::byte> body) const
{
    const GrantTableInfo info = decode_grant_table_info(body);
    require(info.version, info.nr_frames);
}

void GrantCheck::take_entries(std::span<const std::byte> body, Pfn max_pfn) const
{
    const GrantTableEntries table = decode_grant_table_entries(body, max_pfn);
    require(table.version, table.nr_frames);
    std::size_t nr_in_use = 0;  // as `xsr grants` counts: what was revoked may be in use still
    std::set<std::uint16_t> domains;
    for (const StreamGrantEntry& entry : table.entries) {
        domains.insert(entry.domid);
        nr_in_use += entry.reading() || entry.writing() ? 1U : 0U;
    }
    log_.info("domain %u: at the source it had %zu grants to %zu domains, %zu of them in use, in a "
              "table of version %" PRIu32 "; the guest makes them anew",
              domain_.domid(), table.entries.size(), domains.size(), nr_in_use,
              number_of(table.version));
}

void GrantCheck::require(GrantVersion version, std::uint32_t nr_frames) const
{
    if (version == GrantVersion::v2 && domain_.host().offers_grant_v2() == false) {
        throw Error{Errc::mismatch,
                    "the guest uses grant table version 2, which this host does not offer: start "
                    "its Xen with gnttab=max-ver:2, or the guest with version 1"};
    }
    if (version == GrantVersion::v2 && max_version_ == GrantVersion::v1) {
        throw Error{Errc::mismatch,
                    "the guest uses grant table version 2, and domain %u may use version 1 only, "
                    "as the toolstack said (max_grant_version of the domain, or max-grant-version "
                    "of libsr-save-helper): create it with max_grant_version=2",
                    domain_.domid()};
    }
    const GrantTableSize here = GrantTable{domain_}.size();
    if (nr_frames > here.max_frames) {
        throw Error{Errc::mismatch,
                    "the guest's grant table has %" PRIu32 " frames, and that of domain %u may "
                    "have %" PRIu32 ": create it with max_grant_frames=%" PRIu32 ", which needs a "
                    "Xen that allows it (gnttab_max_frames=)",
                    nr_frames,
                    domain_.domid(),
                    here.max_frames,
                    nr_frames};
    }
}

}  // namespace sr
