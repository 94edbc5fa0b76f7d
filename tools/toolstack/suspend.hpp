// SPDX-License-Identifier: LGPL-2.1-or-later
// Asking a guest to suspend itself, through xenstore, and waiting until it has.
#pragma once

#include "tools/toolstack/toolstack.hpp"

#include <chrono>

namespace sr {

struct SuspendOptions {
    std::chrono::milliseconds acknowledge_within{60'000};
    std::chrono::milliseconds suspend_within{60'000};  ///< from the acknowledgement on
    int interrupt_fd = -1;                             ///< readable: give up
};

/// Whether a save may begin. @throws Error{guest} for a domain that is paused, crashed, dying or
/// shut down otherwise than to suspend, saying what to do about it
void check_can_be_saved(const NamedDomain& domain);

/// Returns when the guest has suspended. If it does not acknowledge in time, or the wait is
/// interrupted before it did, the request is taken back and the guest runs on.
/// @throws Error{guest} with a message for each way this fails; Error{cancelled}; Error{hypervisor}
void suspend_domain(Toolstack& toolstack, DomId domid, const SuspendOptions& options);

}  // namespace sr
