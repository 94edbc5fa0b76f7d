// SPDX-License-Identifier: LGPL-2.1-or-later
// Asking for the types of the frames that a restore writes to.
#include "libsr/save/restorable.hpp"

#include "libsr/mem/vcpu_context.hpp"
#include "libsr/xen/guest_frames.hpp"
#include "libsr/xen/page_types.hpp"
#include "libsr/xen/vcpu_state.hpp"

#include <algorithm>
#include <cinttypes>
#include <iterator>
#include <span>
#include <vector>

namespace sr {
namespace {

void require_ordinary(const Domain& domain, const PvGuest& guest, const TableReach* tables_in_use,
                      std::span<const Mfn> frames, const char* what)
{
    const PageTypeQuery query{domain};
    std::vector<std::uint64_t> gfns;
    std::vector<PageType> types;
    while (!frames.empty()) {
        const auto some = frames.first(std::min(frames.size(), PageTypeQuery::max_entries));
        frames = frames.subspan(some.size());
        gfns.clear();
        std::ranges::transform(some, std::back_inserter(gfns), &Mfn::number);
        types.resize(some.size());
        const auto pfn_of = [&](std::size_t i) {
            return guest.translator().require_pfn(some[i], what);
        };
        query.ask(gfns, types, [&](std::size_t i) { return pfn_of(i).number(); });
        for (std::size_t i = 0; i < some.size(); ++i) {
            const Pfn pfn = pfn_of(i);
            const PageType type =
                tables_in_use != nullptr ? tables_in_use->type_in_use(pfn, types[i]) : types[i];
            if (type != PageType::notab) {
                throw Error{Errc::guest,
                            "%s: pfn %#" PRIx64 " is %s, not ordinary memory: no restore would "
                            "take this guest",
                            what, pfn.number(), to_string(type)}
                    .with_pfn(pfn.number());
            }
        }
    }
}

/// What start_info says of itself: pfns, by the time that a guest has suspended.
std::vector<Pfn> require_rings(const Domain& domain, const PvGuest& guest, Mfn start_info)
{
    ForeignMapper mapper{domain.host(), domain.domid()};
    const ForeignMapping page = map_frames(mapper, {&start_info, 1}, Access::read);
    const PageTypeQuery query{domain};
    const auto require_frame = [&](Field field, const char* what) {
        const std::uint64_t pfn = load_field(page.page(0), field);
        const auto mfn = guest.p2m().mfn_of(Pfn{pfn});
        PageType type = PageType::xtab;
        if (mfn) {
            const std::uint64_t gfn = mfn->number();
            query.ask({&gfn, 1}, {&type, 1}, [&](std::size_t) { return pfn; });
        }
        if (!has_contents(type)) {
            throw Error{Errc::guest,
                        "start_info: the %s pfn %#" PRIx64 " has no memory: no restore would take "
                        "this guest",
                        what, pfn}
                .with_pfn(pfn);
        }
        return Pfn{pfn};
    };
    return {require_frame(guest.abi().start_info.store_mfn, "xenstore"),
            require_frame(guest.abi().start_info.console_mfn, "console")};
}

}  // namespace

std::vector<Pfn> check_restorable(const Domain& domain, const PvGuest& guest,
                                  const TableReach* tables_in_use)
{
    require_ordinary(domain, guest, tables_in_use, guest.layout().leaves, "p2m frame");
    const VcpuState state{domain, guest.abi().vcpu.length_octets};
    if (const auto context = state.context_if_any(0)) {
        const Mfn start_info = start_info_mfn(*context, guest.abi());
        require_ordinary(domain, guest, tables_in_use, {&start_info, 1}, "start_info");
        return require_rings(domain, guest, start_info);
    }
    return {};
}

}  // namespace sr
