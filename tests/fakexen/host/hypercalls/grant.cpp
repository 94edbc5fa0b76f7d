// SPDX-License-Identifier: LGPL-2.1-or-later
// grant_table_op: setting a table up and asking about it.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>

namespace fakexen::hypercall {
namespace {

/// Status goes into the structure; the call itself succeeds.
std::int64_t setup_table(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_setup_table_t>(at);
    request.status = GNTST_okay;
    Domain* domain = request.dom == DOMID_SELF ? &caller.domain() : xen.domain(request.dom);
    if (domain == nullptr) {
        request.status = GNTST_bad_domain;
    } else if (!caller.is_dom0() && domain != &caller.domain()) {
        request.status = GNTST_permission_denied;
    } else if (xen.grow_grant_table(*domain, request.nr_frames) != 0) {
        request.status = GNTST_general_error;
    } else {
        for (std::uint64_t i = 0; i < request.nr_frames; ++i) {
            const xen_pfn_t frame = domain->grants.shared_frames()[i].number();
            caller.write(address_of(request.frame_list) + i * sizeof frame, frame);
        }
    }
    caller.write(at, request);
    return 0;
}

std::int64_t query_size(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_query_size_t>(at);
    Domain* domain = request.dom == DOMID_SELF ? &caller.domain() : xen.domain(request.dom);
    if (domain == nullptr) {
        request.status = GNTST_bad_domain;
    } else {
        request.nr_frames = static_cast<std::uint32_t>(domain->grants.shared_frames().size());
        request.max_nr_frames = domain->grants.max_frames();
        request.status = GNTST_okay;
    }
    caller.write(at, request);
    return 0;
}

std::int64_t get_version(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_get_version_t>(at);
    request.version = target_domain(xen, caller, request.dom).grants.version();
    caller.write(at, request);
    return 0;
}

std::int64_t set_version(const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_set_version_t>(at);
    const std::uint32_t wanted = request.version;
    request.version = caller.domain().grants.version();
    caller.write(at, request);
    return wanted == 1 ? 0 : -EOPNOTSUPP;
}

}  // namespace

std::int64_t grant_table_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto enter = [&](const char* call) { caller.enter("grant_table_op", call); };
    switch (args[0]) {
    case GNTTABOP_setup_table:
        enter("setup_table");
        return setup_table(xen, caller, args[1]);
    case GNTTABOP_query_size:
        enter("query_size");
        return query_size(xen, caller, args[1]);
    case GNTTABOP_get_version:
        enter("get_version");
        return get_version(xen, caller, args[1]);
    case GNTTABOP_set_version:
        enter("set_version");
        return set_version(caller, args[1]);
    default:
        enter("other");
        return -ENOSYS;
    }
}

}  // namespace fakexen::hypercall
