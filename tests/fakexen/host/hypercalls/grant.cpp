// SPDX-License-Identifier: LGPL-2.1-or-later
// grant_table_op: setting a table up, asking about it, switching its version, mapping what others grant.
#include "tests/fakexen/host/grant_frames.hpp"
#include "tests/fakexen/host/grant_maps.hpp"
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"

#include <cerrno>
#include <limits>
#include <span>

namespace fakexen::hypercall {
namespace {

/// The domain whose table is meant, which for others than dom0 is their own.
std::int16_t find_domain(const Hypervisor& xen, const Caller& caller, domid_t id, Domain*& domain)
{
    domain = id == DOMID_SELF ? &caller.domain() : xen.domain(id);
    if (domain == nullptr) {
        return GNTST_bad_domain;
    }
    return caller.is_dom0() || domain == &caller.domain() ? GNTST_okay : GNTST_permission_denied;
}

/// Xen's own addresses, and those that no address can be, are refused before anything else.
void must_be_a_guests(std::uint64_t address)
{
    constexpr std::uint64_t low_end = 0x8000'0000'0000, high_begin = 0xffff'8800'0000'0000;
    if (address >= low_end && address < high_begin) {
        throw Refused{EFAULT};
    }
}

/// A list of frame numbers goes to the caller as far as it can be written.
std::int16_t write_frames(const Caller& caller, std::uint64_t at, std::span<const Mfn> frames)
{
    try {
        for (const Mfn frame : frames) {
            caller.write(at, std::uint64_t{frame.number()});
            at += sizeof(std::uint64_t);
        }
    } catch (const Refused&) {
        return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

// The status of these three goes into the structure; the call itself succeeds.

std::int64_t setup_table(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_setup_table_t>(at);
    caller.describe("d%u %u frames", request.dom, request.nr_frames);
    must_be_a_guests(address_of(request.frame_list));
    Domain* domain = nullptr;
    request.status = find_domain(xen, caller, request.dom, domain);
    if (request.status == GNTST_okay) {
        const bool grown =
            domain->life == Life::alive && grow_grant_table(xen, *domain, request.nr_frames) == 0;
        request.status =
            grown ? write_frames(caller, address_of(request.frame_list),
                                 std::span{domain->grants.shared}.first(request.nr_frames))
                  : std::int16_t{GNTST_general_error};
    }
    caller.write(at, request);
    return 0;
}

std::int64_t query_size(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_query_size_t>(at);
    caller.describe("d%u", request.dom);
    Domain* domain = nullptr;
    request.status = find_domain(xen, caller, request.dom, domain);
    if (request.status == GNTST_okay) {
        request.nr_frames = static_cast<std::uint32_t>(domain->grants.shared.size());
        request.max_nr_frames = domain->grants.limits.max_frames;
    }
    caller.write(at, request);
    return 0;
}

// It never grows the table: that many there are.
std::int64_t get_status_frames(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_get_status_frames_t>(at);
    caller.describe("d%u %u frames", request.dom, request.nr_frames);
    must_be_a_guests(address_of(request.frame_list));
    Domain* domain = nullptr;
    request.status = find_domain(xen, caller, request.dom, domain);
    if (request.status == GNTST_okay && request.nr_frames > domain->grants.nr_status_frames()) {
        request.status = GNTST_general_error;
    } else if (request.status == GNTST_okay && request.nr_frames > 0) {
        request.status = write_frames(caller, address_of(request.frame_list),
                                      std::span{*domain->grants.status}.first(request.nr_frames));
    }
    caller.write(at, request);
    return 0;
}

std::int64_t get_version(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_get_version_t>(at);
    caller.describe("d%u", request.dom);
    request.version = target_domain(xen, caller, request.dom).grants.version();
    caller.write(at, request);
    return 0;
}

// Whatever becomes of it, the caller gets to know what version its table is of.
std::int64_t set_version(Hypervisor& xen, const Caller& caller, std::uint64_t at)
{
    auto request = caller.read<gnttab_set_version_t>(at);
    caller.describe("to %u", request.version);
    const int result = set_grant_version(xen, caller.domain(), request.version);
    request.version = caller.domain().grants.version();
    caller.write(at, request);
    return result;
}

/// An array of requests, each with its own status.
std::int64_t map_grant_refs(Hypervisor& xen, const Caller& caller, std::uint64_t at,
                            std::uint64_t count)
{
    for (; count > 0; --count, at += sizeof(gnttab_map_grant_ref_t)) {
        auto request = caller.read<gnttab_map_grant_ref_t>(at);
        request.status = map_grant(xen, caller, request);
        caller.write(at, request);
    }
    return 0;
}

std::int64_t unmap_grant_refs(Hypervisor& xen, const Caller& caller, std::uint64_t at,
                              std::uint64_t count)
{
    for (; count > 0; --count, at += sizeof(gnttab_unmap_grant_ref_t)) {
        auto request = caller.read<gnttab_unmap_grant_ref_t>(at);
        request.status = unmap_grant(xen, caller, request);
        caller.write(at, request);
    }
    return 0;
}

/// An operation on one structure.
using Single = std::int64_t (*)(Hypervisor&, const Caller&, std::uint64_t at);

struct Operation {
    std::uint64_t command;
    const char* name;
    Single serve;
    bool counts;  ///< refuses more structures than one; the others do not look
};

constexpr Operation operations[] = {
    {GNTTABOP_setup_table, "setup_table", setup_table, true},
    {GNTTABOP_query_size, "query_size", query_size, true},
    {GNTTABOP_get_status_frames, "get_status_frames", get_status_frames, true},
    {GNTTABOP_get_version, "get_version", get_version, false},
    {GNTTABOP_set_version, "set_version", set_version, false},
};

}  // namespace

std::int64_t grant_table_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const auto enter = [&](const char* call) { caller.enter("grant_table_op", call); };
    const std::uint64_t count = static_cast<std::uint32_t>(args[2]);
    constexpr std::uint64_t count_max = std::numeric_limits<std::int32_t>::max();
    if (args[0] == GNTTABOP_map_grant_ref) {
        enter("map_grant_ref");
        return count > count_max ? -EINVAL : map_grant_refs(xen, caller, args[1], count);
    }
    if (args[0] == GNTTABOP_unmap_grant_ref) {
        enter("unmap_grant_ref");
        return count > count_max ? -EINVAL : unmap_grant_refs(xen, caller, args[1], count);
    }
    for (const Operation& operation : operations) {
        if (args[0] == operation.command) {
            enter(operation.name);
            const bool wrong = count > count_max || (operation.counts && count != 1);
            return wrong ? -EINVAL : operation.serve(xen, caller, args[1]);
        }
    }
    enter("other");
    return -ENOSYS;
}

}  // namespace fakexen::hypercall
