// SPDX-License-Identifier: LGPL-2.1-or-later
// hvm_op: what a host answers that has paravirtual domains only.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <xen/hvm/hvm_op.h>

#include <cerrno>

namespace fakexen::hypercall {

std::int64_t hvm_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    if (args[0] != HVMOP_set_param && args[0] != HVMOP_get_param) {
        return -ENOSYS;
    }
    (void)target_domain(xen, caller, caller.read<xen_hvm_param_t>(args[1]).domid);
    return -EINVAL;
}

}  // namespace fakexen::hypercall
