// SPDX-License-Identifier: LGPL-2.1-or-later
// What the hypervisor says of the type of a domain's pages: XEN_DOMCTL_getpageframeinfo3.
#pragma once

#include "libsr/mem/page_type.hpp"
#include "libsr/xen/call.hpp"
#include "libsr/xen/domain.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sr {

/// Asks for types in batches, through one buffer that is kept.
class PageTypeQuery {
public:
    /// Entries of one query: Xen answers E2BIG to more.
    static constexpr std::size_t max_entries = 1024;

    /// Borrows domain.
    explicit PageTypeQuery(const Domain& domain);

    /// A gfn that no domain has: its type is XTAB.
    static constexpr std::uint64_t no_frame = ~std::uint64_t{0};

    /// Fills `types` with the types of `gfns` (mfns of a PV domain, or no_frame), as many of both,
    /// at most max_entries. `pfn_of` may be empty; an error names pfns with it. @throws Error{hypervisor}; Error{unsupported} on a type that no stream
    /// can carry
    void ask(std::span<const std::uint64_t> gfns, std::span<PageType> types,
             const PfnOf& pfn_of = {}) const;

private:
    const Domain& domain_;
    HypercallBuffer entries_;
};

}  // namespace sr
