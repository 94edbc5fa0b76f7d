// SPDX-License-Identifier: LGPL-2.1-or-later
// Pfns of granted frames, by M2P and page types.
#include "libsr/xen/grant_pfns.hpp"

#include "libsr/mem/m2p.hpp"
#include "libsr/xen/m2p_table.hpp"
#include "libsr/xen/page_types.hpp"

#include <algorithm>
#include <array>

namespace sr {
namespace {

using Pfns = std::vector<std::optional<Pfn>>;

/// What an entry has the type query ask for.
std::uint64_t gfn_to_ask(const GrantEntry& entry) noexcept
{
    return entry.names_frame() ? entry.frame->number() : PageTypeQuery::no_frame;
}

void add_pv_pfns(const PageTypeQuery& query, const M2p& m2p, std::span<const GrantEntry> entries,
                 Pfns& pfns)
{
    std::array<std::uint64_t, PageTypeQuery::max_entries> asked{};
    std::array<PageType, PageTypeQuery::max_entries> told{};
    const auto gfns = std::span{asked}.first(entries.size());
    const auto types = std::span{told}.first(entries.size());
    std::transform(entries.begin(), entries.end(), gfns.begin(), gfn_to_ask);
    query.ask(gfns, types);
    for (std::size_t i = 0; i < gfns.size(); ++i) {
        pfns.push_back(types[i] == PageType::xtab ? std::nullopt : m2p.pfn_of(Mfn{gfns[i]}));
    }
}

}  // namespace

Pfns pfns_of_grants(const Domain& domain, bool is_hvm, std::span<const GrantEntry> entries)
{
    Pfns pfns;
    pfns.reserve(entries.size());
    if (is_hvm) {
        for (const GrantEntry& entry : entries) {
            pfns.push_back(entry.names_frame() ? std::optional{Pfn{entry.frame->number()}}
                                               : std::nullopt);
        }
        return pfns;
    }
    if (std::none_of(entries.begin(), entries.end(),
                     [](const GrantEntry& entry) { return entry.names_frame(); })) {
        pfns.resize(entries.size());
        return pfns;
    }
    const M2pTable table{domain.host()};
    const M2p m2p{table.octets()};
    const PageTypeQuery query{domain};
    while (!entries.empty()) {
        const auto batch = entries.first(std::min(entries.size(), PageTypeQuery::max_entries));
        add_pv_pfns(query, m2p, batch, pfns);
        entries = entries.subspan(batch.size());
    }
    return pfns;
}

}  // namespace sr
