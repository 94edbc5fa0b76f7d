// SPDX-License-Identifier: LGPL-2.1-or-later
// xen_version: what a host says of itself.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace fakexen::hypercall {
namespace {

constexpr std::int64_t version_4_17 = 4 << 16 | 17;

template <typename T>
std::int64_t write_text(const Caller& caller, std::uint64_t to, const char* text)
{
    T field = {};
    void* at = &field;
    (void)std::string_view{text}.copy(static_cast<char*>(at), sizeof field - 1);
    caller.write(to, field);
    return 0;
}

std::int64_t write_compile_info(const Caller& caller, std::uint64_t to)
{
    xen_compile_info_t info = {};
    (void)std::snprintf(info.compiler, sizeof info.compiler, "none");
    (void)std::snprintf(info.compile_by, sizeof info.compile_by, "fakexen");
    (void)std::snprintf(info.compile_domain, sizeof info.compile_domain, "localdomain");
    (void)std::snprintf(info.compile_date, sizeof info.compile_date, "today");
    caller.write(to, info);
    return 0;
}

std::int64_t write_features(const Caller& caller, std::uint64_t to)
{
    auto info = caller.read<xen_feature_info_t>(to);
    info.submap = 0;
    if (info.submap_idx != 0) {
        return -EINVAL;
    }
    info.submap = 1U << XENFEAT_pae_pgdir_above_4gb | 1U << XENFEAT_mmu_pt_update_preserve_ad |
                  1U << XENFEAT_highmem_assist | 1U << XENFEAT_gnttab_map_avail_bits |
                  1U << XENFEAT_memory_op_vnode_supported | 1U << XENFEAT_direct_mapped;
    info.submap |= caller.is_dom0() ? 1U << XENFEAT_dom0 : 0U;
    caller.write(to, info);
    return 0;
}

}  // namespace

std::int64_t xen_version(Hypervisor&, const Caller& caller, const HypercallArgs& args)
{
    const std::uint64_t to = args[1];
    switch (args[0]) {
    case XENVER_version:
        return version_4_17;
    case XENVER_extraversion:
        return write_text<xen_extraversion_t>(caller, to, ".7-fakexen");
    case XENVER_compile_info:
        return write_compile_info(caller, to);
    case XENVER_capabilities:
        return write_text<xen_capabilities_info_t>(caller, to, "xen-3.0-x86_64 xen-3.0-x86_32p ");
    case XENVER_changeset:
        return write_text<xen_changeset_info_t>(caller, to, "unavailable");
    case XENVER_platform_parameters:
        caller.write(to, xen_platform_parameters_t{.virt_start = caller.domain().is_32bit
                                                                     ? 0xf580'0000
                                                                     : 0xffff'8000'0000'0000});
        return 0;
    case XENVER_get_features:
        return write_features(caller, to);
    case XENVER_pagesize:
        return static_cast<std::int64_t>(page_size);
    case XENVER_guest_handle: {
        xen_domain_handle_t handle;
        std::memcpy(handle, caller.domain().handle, sizeof handle);
        caller.write(to, std::as_bytes(std::span{handle}));
        return 0;
    }
    case XENVER_commandline:
        return write_text<xen_commandline_t>(caller, to, "fakexen");
    case XENVER_build_id:
        return -ENODATA;
    default:
        return -ENOSYS;
    }
}

}  // namespace fakexen::hypercall
