// SPDX-License-Identifier: LGPL-2.1-or-later
// The two passes that find tables in use: types of all pages, then the tables from their roots.
#include "libsr/save/stale_types.hpp"

#include "libsr/mem/vcpu_context.hpp"
#include "libsr/xen/guest_frames.hpp"
#include "libsr/xen/page_types.hpp"
#include "libsr/xen/vcpu_state.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// Tables mapped at a time.
constexpr std::size_t tables_per_mapping = 256;

/// Notes the type of every page that has a frame. @return how many these are
/// @throws Error{guest} if they are more than the guest has: a p2m that names frames again and again
std::uint64_t note_types(const Domain& domain, const DomainInfo& info, const PvGuest& guest,
                         TableReach& reach)
{
    const PageTypeQuery query{domain};
    std::vector<Pfn> pfns;
    std::vector<std::uint64_t> gfns;
    std::vector<PageType> types;
    std::uint64_t nr_pages = 0;
    std::uint64_t nr_own = 0;
    const auto ask = [&] {
        types.resize(gfns.size());
        query.ask(gfns, types, [&pfns](std::size_t i) { return pfns[i].number(); });
        for (std::size_t i = 0; i < pfns.size(); ++i) {
            reach.note(pfns[i], types[i]);
            nr_own += has_contents(types[i]) ? 1U : 0U;
        }
        if (nr_own > info.nr_pages) {
            throw Error{Errc::guest,
                        "the p2m of domain %u holds more frames than its %" PRIu64
                        " pages: some stand at several pfns",
                        domain.domid(), info.nr_pages}
                .with_pfn(pfns.back().number());
        }
        nr_pages += pfns.size();
        pfns.clear();
        gfns.clear();
    };
    for (std::uint64_t number = 0; number <= guest.highest_pfn().number(); ++number) {
        if (const auto mfn = guest.p2m().mfn_of(Pfn{number})) {
            pfns.emplace_back(number);
            gfns.push_back(mfn->number());
        }
        if (gfns.size() == PageTypeQuery::max_entries) {
            ask();
        }
    }
    if (!gfns.empty()) {
        ask();
    }
    return nr_pages;
}

void add_roots(const Domain& domain, const DomainInfo& info, const PvGuest& guest,
               TableReach& reach)
{
    const VcpuState state{domain, guest.abi().vcpu.length_octets};
    for (std::uint32_t vcpu = 0; vcpu < info.nr_vcpus; ++vcpu) {
        const std::optional<Octets> context = state.context_if_any(vcpu);
        if (!context) {
            continue;
        }
        for (const Mfn table : tables_of(*context, guest.abi())) {
            if (const PfnOrWhy found = guest.translator().pfn_of(table)) {
                reach.add_root(found.pfn);
            }
        }
    }
}

void follow(const Domain& domain, const PvGuest& guest, TableReach& reach)
{
    ForeignMapper mapper{domain.host(), domain.domid()};
    std::vector<Pfn> tables;
    std::vector<Mfn> frames;
    while (reach.take(tables_per_mapping, tables)) {
        frames.clear();
        // The p2m had a frame there. If it has none now, somebody writes to it who should not.
        std::erase_if(tables, [&](Pfn table) {
            const auto mfn = guest.p2m().mfn_of(table);
            if (mfn) {
                frames.push_back(*mfn);
            }
            return !mfn;
        });
        if (frames.empty()) {
            continue;
        }
        const ForeignMapping mapping = map_frames(mapper, frames, Access::read);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            reach.look(tables[i], mapping.page(i).first<page_size>(), guest.compat_m2p(),
                       guest.translator());
        }
    }
}

}  // namespace

TablesInUse find_tables_in_use(const Domain& domain, const DomainInfo& info, const PvGuest& guest)
{
    const auto begin = std::chrono::steady_clock::now();
    TablesInUse found{TableReach{guest.abi(), guest.highest_pfn()}, 0, {}};
    found.nr_pages = note_types(domain, info, guest, found.tables);
    add_roots(domain, info, guest, found.tables);
    follow(domain, guest, found.tables);
    found.spent = std::chrono::steady_clock::now() - begin;
    return found;
}

}  // namespace sr
