// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of a domain's own pages its grants are of.
#pragma once

#include "libsr/mem/grant_entry.hpp"
#include "libsr/xen/domain.hpp"

#include <optional>
#include <span>
#include <vector>

namespace sr {

/// The pfn of the frame that each entry names, in their order; none where an entry names no frame, or one that is not the
/// domain's.
///
/// Of a PV domain, which names machine frames, it is what the M2P says, so that one is mapped meanwhile: 8 octets for each
/// frame of the host. The M2P does not say whose pfn that is; XEN_DOMCTL_getpageframeinfo3 knows none but the domain's own.
/// A domain that runs may give a frame away between the two. Where no entry names a frame, nothing is mapped or asked.
///
/// Of an HVM domain it is the gfn as the guest wrote it, whether or not there is such a page.
/// @throws Error{hypervisor}
[[nodiscard]] std::vector<std::optional<Pfn>> pfns_of_grants(const Domain& domain, bool is_hvm,
                                                             std::span<const GrantEntry> entries);

}  // namespace sr
