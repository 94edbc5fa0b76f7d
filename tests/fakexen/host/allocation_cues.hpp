// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocations of Xen's that fail on cue, for the time of a call.
#pragma once

#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"

#include <utility>

namespace fakexen {

/// While it lives, whoever makes the call is asked about what is allocated for it.
class AllocationCues {
public:
    AllocationCues(Hypervisor& xen, CallObserver& observer)
        : xen_{xen}, before_{std::exchange(xen.may_allocate, [&observer](const char* what) {
              return observer.allocating(what);
          })}
    {
    }
    AllocationCues(const AllocationCues&) = delete;
    AllocationCues& operator=(const AllocationCues&) = delete;
    ~AllocationCues() { xen_.may_allocate = std::move(before_); }

private:
    Hypervisor& xen_;
    std::function<bool(const char*)> before_;
};

}  // namespace fakexen
