// SPDX-License-Identifier: LGPL-2.1-or-later
// Page types over XEN_DOMCTL_getpageframeinfo3.
#include "libsr/xen/page_types.hpp"

#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cinttypes>

namespace sr {
namespace {

constexpr const char* call = "XEN_DOMCTL_getpageframeinfo3";
/// The kernel may unmap hypercall buffers for a moment (page migration): such a call is repeated.
constexpr int max_attempts = 3;

PageType type_of(std::uint64_t pfinfo, std::uint64_t gfn)
{
    const auto type =
        (pfinfo & ~std::uint64_t{XEN_DOMCTL_PFINFO_LTAB_MASK}) == 0
            ? page_type_from_wire(static_cast<unsigned>(pfinfo >> XEN_DOMCTL_PFINFO_LTAB_SHIFT))
            : std::nullopt;
    if (!type) {
        throw Error{Errc::unsupported, "frame %#" PRIx64 " has the unknown type %#" PRIx64, gfn,
                    pfinfo}
            .with_call(call);
    }
    return *type;
}

}  // namespace

PageTypeQuery::PageTypeQuery(const Domain& domain)
    : domain_{domain}, entries_{domain.host(), max_entries * sizeof(std::uint64_t)}
{
}

void PageTypeQuery::ask(std::span<const std::uint64_t> gfns, std::span<PageType> types,
                        const PfnOf& pfn_of) const
{
    assert(gfns.size() == types.size() && gfns.size() <= max_entries);
    auto* entries = entries_.as<std::uint64_t>();
    int result = 0;
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        std::copy(gfns.begin(), gfns.end(), entries);
        xen_domctl domctl{};
        domctl.cmd = XEN_DOMCTL_getpageframeinfo3;
        domctl.domain = static_cast<domid_t>(domain_.domid());
        domctl.u.getpageframeinfo3.num = gfns.size();
        set_xen_guest_handle_raw(domctl.u.getpageframeinfo3.array, entries_.as<xen_pfn_t>());
        result = xc_domctl(domain_.host().xch(), &domctl);
        if (result == 0 || errno != EFAULT) {
            break;
        }
    }
    if (result != 0) {
        const int errnum = errno;
        if (pfn_of) {
            const std::uint64_t pfn = pfn_of(0);
            throw call_failed(call, errnum,
                              "types of %zu frames of domain %u from pfn %#" PRIx64
                              " (frame %#" PRIx64 ") on",
                              gfns.size(), domain_.domid(), pfn, gfns.front())
                .with_pfn(pfn);
        }
        throw call_failed(call, errnum, "types of %zu frames of domain %u from %#" PRIx64 " on",
                          gfns.size(), domain_.domid(), gfns.front());
    }
    for (std::size_t i = 0; i < gfns.size(); ++i) {
        types[i] = type_of(entries[i], gfns[i]);
    }
}

}  // namespace sr
