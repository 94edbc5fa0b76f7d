// SPDX-License-Identifier: LGPL-2.1-or-later
// grant_table_op (xen/grant_table.h), table version 1.
#include "tests/fakexen/guest/grants.hpp"

namespace fakexen::guest {

namespace {

/// The first that is not the toolstack's.
constexpr std::uint32_t the_reference = GNTTAB_NR_RESERVED_ENTRIES;

Va table_va(const Kernel& kernel)
{
    return kernel.shared_info_va() + page_size;
}

Va granted_va(const Kernel& kernel)
{
    return kernel.shared_info_va() + 2 * page_size;
}

/// Makes a grant table operation, whose own status counts too.
template <typename Request>
void grant_table_op(const Kernel& kernel, unsigned cmd, Request& request, const char* call)
{
    must(kernel.machine().hypercall(__HYPERVISOR_grant_table_op, {cmd, address_of(&request), 1}),
         call);
    if (request.status != GNTST_okay) {
        throw Panic{"%s: status %d", call, request.status};
    }
}

}  // namespace

void grant_page(Kernel& kernel)
{
    const std::uint32_t to = kernel.state.settings.grant_to;
    const auto pfn = to != 0 ? kernel.pick_free_data() : std::nullopt;
    if (!pfn) {
        return;
    }
    xen_pfn_t table = 0;
    gnttab_setup_table_t setup = {};
    setup.dom = DOMID_SELF;
    setup.nr_frames = 1;
    set_xen_guest_handle(setup.frame_list, &table);
    grant_table_op(kernel, GNTTABOP_setup_table, setup, "GNTTABOP_setup_table");
    must(kernel.machine().update_va_mapping(table_va(kernel), pte::make(table, pte::read_write)),
         "mapping the grant table");
    const grant_entry_v1_t entry = {GTF_permit_access, static_cast<domid_t>(to),
                                    static_cast<std::uint32_t>(kernel.p2m(*pfn))};
    kernel.space().store(table_va(kernel) + the_reference * sizeof entry, entry);
    must(kernel.machine().update_va_mapping(table_va(kernel), 0), "unmapping the grant table");
    // Its contents are the other domain's to change.
    kernel.state.odd_pfn = *pfn;
    kernel.set_record(*pfn, {0, Role::odd, 0, 0});
}

void map_granted_page(Kernel& kernel)
{
    const std::uint32_t of = kernel.state.settings.map_grant_of;
    if (of == 0) {
        return;
    }
    gnttab_map_grant_ref_t request = {};
    request.host_addr = granted_va(kernel);
    request.flags = GNTMAP_host_map;
    request.ref = the_reference;
    request.dom = static_cast<domid_t>(of);
    grant_table_op(kernel, GNTTABOP_map_grant_ref, request, "GNTTABOP_map_grant_ref");
    kernel.state.grant_handle = request.handle;
    kernel.state.grant_mapped = 1;
    // It can be used like any page.
    kernel.space().store(granted_va(kernel), kernel.state.settings.seed);
}

void unmap_granted_page(Kernel& kernel)
{
    if (kernel.state.grant_mapped == 0 ||
        (kernel.state.settings.workload & workload_keep_grant) != 0) {
        return;
    }
    gnttab_unmap_grant_ref_t request = {};
    request.host_addr = granted_va(kernel);
    request.handle = kernel.state.grant_handle;
    grant_table_op(kernel, GNTTABOP_unmap_grant_ref, request, "GNTTABOP_unmap_grant_ref");
    kernel.state.grant_mapped = 0;
}

}  // namespace fakexen::guest
