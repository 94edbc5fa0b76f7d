// SPDX-License-Identifier: LGPL-2.1-or-later
// sched_op: a guest shuts down, blocks or yields; dom0 shuts another down.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>

namespace fakexen::hypercall {

std::int64_t sched_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    switch (args[0]) {
    case SCHEDOP_yield:
    case SCHEDOP_block:
    case SCHEDOP_poll:
        caller.enter("sched_op", "block");
        return 0;
    case SCHEDOP_shutdown: {
        caller.enter("sched_op", "shutdown");
        const auto shutdown = caller.read<sched_shutdown_t>(args[1]);
        if (caller.is_dom0()) {
            return -EPERM;  // in Xen this would reboot the machine
        }
        xen.shut_down(caller.domain(), static_cast<std::uint8_t>(shutdown.reason));
        return 0;
    }
    case SCHEDOP_shutdown_code: {
        caller.enter("sched_op", "shutdown_code");
        const auto shutdown = caller.read<sched_shutdown_t>(args[1]);
        if (caller.is_dom0() || caller.domain().shut_down) {
            return -EPERM;
        }
        caller.domain().shutdown_code = static_cast<std::uint8_t>(shutdown.reason);
        return 0;
    }
    case SCHEDOP_remote_shutdown: {
        caller.enter("sched_op", "remote_shutdown");
        const auto shutdown = caller.read<sched_remote_shutdown_t>(args[1]);
        Domain& domain = target_domain(xen, caller, shutdown.domain_id);
        if (!caller.is_dom0() || domain.id == 0) {
            return -EPERM;
        }
        xen.shut_down(domain, static_cast<std::uint8_t>(shutdown.reason));
        return 0;
    }
    default:
        caller.enter("sched_op", "other");
        return -ENOSYS;
    }
}

}  // namespace fakexen::hypercall
