// SPDX-License-Identifier: LGPL-2.1-or-later
// Grant tables as sr.h has them.
#include "libsr/capi_grants.hpp"

#include "libsr/base/error.hpp"
#include "libsr/xen/grant_pfns.hpp"
#include "libsr/xen/grant_table.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace sr {
namespace {

/// What a caller sees as a sr_grant_table, with the entries that it points to.
struct OwnedGrants : sr_grant_table {
    std::vector<sr_grant_entry> owned;
};

sr_grant_entry entry_for_caller(const GrantEntry& entry) noexcept
{
    sr_grant_entry told{};
    told.ref = entry.ref;
    told.flags = entry.flags;
    told.domid = entry.domid;
    told.frame = entry.frame ? entry.frame->number() : SR_NONE;
    told.pfn = SR_NONE;
    told.status = entry.status;
    if (entry.sub_page) {
        told.page_offset = entry.sub_page->offset;
        told.length = entry.sub_page->length;
    }
    if (entry.source) {
        told.trans_domid = entry.source->domid;
        told.trans_ref = entry.source->ref;
    }
    told.kind = static_cast<sr_grant_kind>(entry.kind());
    return told;
}

void tell_pfns(std::span<const std::optional<Pfn>> pfns, std::span<sr_grant_entry> entries) noexcept
{
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i].pfn = pfns[i] ? pfns[i]->number() : SR_NONE;
    }
}

/// Xen crashes a domain that is not PV and goes back to version 1 while somebody has its status frames mapped.
bool may_map_status(const DomainInfo& info) noexcept
{
    return !info.hvm || info.paused || info.shut_down;
}

}  // namespace

sr_grant_table* read_grants(const Host& host, std::uint32_t domid, std::uint32_t flags)
{
    constexpr std::uint32_t known_flags = SR_GRANTS_STATUS | SR_GRANTS_PFNS;
    if ((flags & ~known_flags) != 0) {
        throw Error{Errc::unsupported, "unknown grant table flags %#x", flags & ~known_flags};
    }
    const Domain domain{host, domid};
    const DomainInfo info = domain.info();  // one that does not exist is better told by this
    GrantTable table{domain};
    const bool with_status = (flags & SR_GRANTS_STATUS) != 0 && may_map_status(info);
    const GrantTableCopy copy = table.read(with_status ? GrantStatus::read : GrantStatus::leave);
    auto told = std::make_unique<OwnedGrants>();
    told->size = sizeof(sr_grant_table);
    told->version = number_of(copy.size.version);
    told->nr_frames = copy.size.nr_frames;
    told->max_frames = copy.size.max_frames;
    told->nr_status_frames = nr_grant_status_frames(copy.size.version, copy.size.nr_frames);
    told->has_status = with_status && copy.size.version == GrantVersion::v2 ? 1 : 0;
    told->owned.reserve(copy.entries.size());
    for (const GrantEntry& entry : copy.entries) {
        told->owned.push_back(entry_for_caller(entry));
    }
    if ((flags & SR_GRANTS_PFNS) != 0) {
        tell_pfns(pfns_of_grants(domain, info.hvm, copy.entries), told->owned);
    }
    told->nr_entries = told->owned.size();
    told->entries = told->owned.data();
    return told.release();
}

void free_grants(sr_grant_table* table) noexcept
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): read_grants() gives no other
    delete static_cast<OwnedGrants*>(table);
}

}  // namespace sr
