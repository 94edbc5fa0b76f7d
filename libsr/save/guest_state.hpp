// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a domain can be saved, and having it stand still.
#pragma once

#include "libsr/save/save.hpp"
#include "libsr/xen/domain.hpp"

namespace sr {

/// The state of a domain that can be saved, suspended or not.
/// @throws Error{usage}, Error{guest}, Error{unsupported} if it cannot, Error{hypervisor}
[[nodiscard]] DomainInfo savable_info(const Domain& domain);

/// The state of a domain that ran, once it is suspended: by the caller's operation, unless it did that by itself.
/// @throws as savable_info and SaveCaller::suspend; Error{guest} if it did not
[[nodiscard]] DomainInfo suspended_info(const Domain& domain, SaveCaller& caller);

/// Nobody may have resumed a domain while it was saved: what was sent would be neither then nor now.
/// @throws Error{guest}
void check_still_suspended(const Domain& domain);

}  // namespace sr
