// SPDX-License-Identifier: LGPL-2.1-or-later
// Serving the mapping calls of libxenforeignmemory and libxengnttab.
#include "tests/fakexen/host/foreign_calls.hpp"

#include "tests/fakexen/host/allocation_cues.hpp"
#include "tests/fakexen/host/grant_frames.hpp"
#include "tests/fakexen/host/grant_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <sys/mman.h>
#include <utility>
#include <vector>

namespace fakexen {
namespace {

/// Pages of a call: 64 GiB.
constexpr std::uint64_t map_pages_limit = std::uint64_t{1} << 24;

void describe(const Caller& caller, const protocol::MapResource& request)
{
    if (request.type != XENMEM_resource_grant_table) {
        caller.describe("d%u type %u", request.domid, request.type);
        return;
    }
    const bool of_status = request.id == XENMEM_resource_grant_table_id_status;
    const char* id = request.id == XENMEM_resource_grant_table_id_shared ? "shared"
                     : of_status                                         ? "status"
                                                                         : "other";
    if (request.nr_pages == 0) {
        caller.describe("d%u %s size", request.domid, id);
    } else {
        caller.describe("d%u %s %" PRIu64 "+%" PRIu64, request.domid, id, request.frame,
                        request.nr_pages);
    }
}

/// As gntdev checks what is to happen at the end: to clear an octet takes a writable page, to send an event a port.
void check_notification(const Hypervisor& xen, const protocol::MapGrants& request)
{
    const bool clears = request.notify_offset < page_size;
    const EventPort* port = xen.dom0().events.port(request.notify_port);
    const bool sends = request.notify_port != ~0U;
    if ((clears && (request.prot & PROT_WRITE) == 0) || (sends && port == nullptr)) {
        throw Refused{EINVAL};
    }
}

}  // namespace

std::int64_t serve_map(Hypervisor& xen, const Caller& caller, const protocol::Map& request)
{
    if (request.nr_pages > map_pages_limit) {
        throw Refused{E2BIG};
    }
    auto frames = caller.read_array<std::uint64_t>(request.gfns, request.nr_pages);
    std::vector<std::int64_t> offsets(frames.size(), -ESRCH);
    Domain* owner = xen.domain(request.domid);
    if (owner != nullptr || request.domid == DOMID_XEN) {
        xen.maps.map({.process = caller.process(),
                      .address = request.address,
                      .domid = static_cast<std::uint16_t>(request.domid),
                      .writable = (request.prot & PROT_WRITE) != 0,
                      .frames = std::move(frames)},
                     owner, offsets);
    } else if (request.domid == DOMID_IO) {
        std::fill(offsets.begin(), offsets.end(), -EBUSY);  // no device has RAM
    }
    const auto failed = std::find_if(offsets.begin(), offsets.end(),
                                     [](std::int64_t offset) { return offset < 0; });
    if (request.all_or_nothing != 0 && failed != offsets.end()) {
        xen.maps.unmap(caller.process(), request.address, request.nr_pages);
        throw Refused{static_cast<int>(-*failed)};
    }
    caller.write_array<std::int64_t>(request.offsets, offsets);
    return 0;
}

std::int64_t serve_map_resource(Hypervisor& xen, const Caller& caller,
                                const protocol::MapResource& request)
{
    const AllocationCues cues{xen, caller.observer()};
    describe(caller, request);
    Domain* domain = xen.domain(request.domid);
    if (domain == nullptr || domain == &caller.domain()) {
        throw Refused{domain == nullptr ? ESRCH : EPERM};  // Xen asks for a remote domain
    }
    if (request.type != XENMEM_resource_grant_table) {
        const bool of_others = request.type == XENMEM_resource_ioreq_server ||
                               request.type == XENMEM_resource_vmtrace_buf;
        throw Refused{of_others ? EINVAL : EOPNOTSUPP};
    }
    const std::uint32_t size = grant_resource_size(domain->grants, request.id);
    if (size == 0) {
        throw Refused{EINVAL};
    }
    if (request.nr_pages == 0) {
        return size;
    }
    auto frames = acquire_grant_frames(
        xen, *domain, {.id = request.id, .frame = request.frame, .nr_frames = request.nr_pages});
    std::vector<std::int64_t> offsets(frames.size());
    xen.maps.map({.process = caller.process(),
                  .address = request.address,
                  .domid = domain->id,
                  .writable = (request.prot & PROT_WRITE) != 0,
                  .frames = std::move(frames)},
                 domain, offsets);
    caller.write_array<std::int64_t>(request.offsets, offsets);
    return 0;
}

std::int64_t serve_map_grants(Hypervisor& xen, const Caller& caller,
                              const protocol::MapGrants& request)
{
    constexpr std::uint32_t pages_limit = 65536;  // gntdev's own
    if (request.nr_pages == 0 || request.nr_pages > pages_limit) {
        throw Refused{EINVAL};
    }
    check_notification(xen, request);
    const auto domids = caller.read_array<std::uint32_t>(request.domids, request.nr_pages);
    const auto refs = caller.read_array<std::uint32_t>(request.refs, request.nr_pages);
    caller.describe("d%u ref %u, %u pages", domids[0], refs[0], request.nr_pages);
    std::vector<std::int64_t> offsets;
    for (std::size_t i = 0; i < refs.size(); ++i) {
        const ProcessGrant wanted = {.process = caller.process(),
                                     .address = request.address + i * page_size,
                                     .writable = (request.prot & PROT_WRITE) != 0,
                                     .grant = {.granter = static_cast<DomainId>(domids[i]),
                                               .ref = refs[i],
                                               .notify_offset = request.notify_offset,
                                               .notify_port = request.notify_port}};
        offsets.push_back(domids[i] < DOMID_FIRST_RESERVED
                              ? map_grant_into_process(xen, caller.domain(), wanted)
                              : -EINVAL);
        if (offsets.back() < 0) {
            xen.maps.unmap(caller.process(), request.address, request.nr_pages);
            throw Refused{EINVAL};
        }
    }
    caller.write_array<std::int64_t>(request.offsets, offsets);
    return 0;
}

}  // namespace fakexen
