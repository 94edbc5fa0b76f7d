// SPDX-License-Identifier: LGPL-2.1-or-later
// libxengnttab.so.1 over a fakexen host: xengnttab.h, as on a Linux dom0 with /dev/xen/gntdev and neither gntalloc nor
// DMA buffers.
#include "tests/fakexen/lib/connection.hpp"
#include "tests/fakexen/lib/window.hpp"

#include <bit>
#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <vector>

extern "C" {
#include <xengnttab.h>
}

/// The header's opaque handle. Mappings outlive it, as on Linux.
struct xengntdev_handle {
    fakexen::Client* client;
};

namespace {

using fakexen::Window;

constexpr std::size_t page_octets = 4096;

template <typename T>
std::uint64_t address_of(const T* pointer) noexcept
{
    return std::bit_cast<std::uint64_t>(pointer);
}

int fails_with(int error) noexcept
{
    errno = error;
    return -1;
}

void* none_with(int error) noexcept
{
    errno = error;
    return nullptr;
}

/// The range of the grants, or null with errno set.
void* map_pages(fakexen::Client& client, fakexen::protocol::MapGrants request)
{
    std::vector<std::int64_t> offsets(request.nr_pages, -EFAULT);
    Window window{client, nullptr, request.nr_pages, 0};
    if (!window) {
        return nullptr;
    }
    request.offsets = address_of(offsets.data());
    request.address = window.address();
    if (const std::int64_t result = client.call(request); result < 0) {
        return none_with(static_cast<int>(-result));
    }
    return window.place(offsets, request.prot) ? window.keep() : nullptr;
}

void* map_grants(xengntdev_handle* xgt, const fakexen::protocol::MapGrants& request) noexcept
{
    if (request.nr_pages == 0) {
        return none_with(EINVAL);
    }
    try {
        return map_pages(*xgt->client, request);
    } catch (const std::bad_alloc&) {
        return none_with(ENOMEM);
    }
}

}  // namespace

#define SR_FAKE extern "C" __attribute__((visibility("default")))

SR_FAKE xengntdev_handle* xengnttab_open(struct xentoollog_logger*, unsigned)
{
    fakexen::Client* client = fakexen::host_connection();
    return client != nullptr ? new (std::nothrow) xengntdev_handle{client} : nullptr;
}

SR_FAKE int xengnttab_close(xengntdev_handle* xgt)
{
    delete xgt;
    return 0;
}

SR_FAKE int xengnttab_fd(xengntdev_handle* xgt)
{
    return xgt->client->socket();
}

SR_FAKE int xengnttab_set_max_grants(xengntdev_handle*, std::uint32_t)
{
    return 0;
}

SR_FAKE void* xengnttab_map_grant_refs(xengntdev_handle* xgt, std::uint32_t count,
                                       std::uint32_t* domids, std::uint32_t* refs, int prot)
{
    fakexen::protocol::MapGrants request;
    request.nr_pages = count;
    request.prot = prot;
    request.domids = address_of(domids);
    request.refs = address_of(refs);
    return map_grants(xgt, request);
}

SR_FAKE void* xengnttab_map_domain_grant_refs(xengntdev_handle* xgt, std::uint32_t count,
                                              std::uint32_t domid, std::uint32_t* refs, int prot)
{
    try {
        std::vector<std::uint32_t> domids(count, domid);
        return xengnttab_map_grant_refs(xgt, count, domids.data(), refs, prot);
    } catch (const std::bad_alloc&) {
        return none_with(ENOMEM);
    }
}

SR_FAKE void* xengnttab_map_grant_ref_notify(xengntdev_handle* xgt, std::uint32_t domid,
                                             std::uint32_t ref, int prot,
                                             std::uint32_t notify_offset, evtchn_port_t notify_port)
{
    fakexen::protocol::MapGrants request;
    request.nr_pages = 1;
    request.prot = prot;
    request.domids = address_of(&domid);
    request.refs = address_of(&ref);
    request.notify_offset = notify_offset;
    request.notify_port = notify_port;
    return map_grants(xgt, request);
}

SR_FAKE void* xengnttab_map_grant_ref(xengntdev_handle* xgt, std::uint32_t domid, std::uint32_t ref,
                                      int prot)
{
    return xengnttab_map_grant_refs(xgt, 1, &domid, &ref, prot);
}

SR_FAKE int xengnttab_unmap(xengntdev_handle* xgt, void* start_address, std::uint32_t count)
{
    if (start_address == nullptr || ::munmap(start_address, count * page_octets) != 0) {
        return fails_with(EINVAL);
    }
    fakexen::protocol::Unmap request;
    request.address = address_of(start_address);
    request.nr_pages = count;
    const std::int64_t result = xgt->client->call(request);
    return result < 0 ? fails_with(static_cast<int>(-result)) : 0;
}

// Nothing here copies by grants: a host does not know GNTTABOP_copy.
SR_FAKE int xengnttab_grant_copy(xengntdev_handle*, std::uint32_t, xengnttab_grant_copy_segment_t*)
{
    return fails_with(EOPNOTSUPP);
}

// ioctls that a kernel without CONFIG_XEN_GNTDEV_DMABUF does not know
SR_FAKE int xengnttab_dmabuf_exp_from_refs(xengntdev_handle*, std::uint32_t, std::uint32_t,
                                           std::uint32_t, const std::uint32_t*, std::uint32_t*)
{
    return fails_with(ENOTTY);
}

SR_FAKE int xengnttab_dmabuf_exp_wait_released(xengntdev_handle*, std::uint32_t, std::uint32_t)
{
    return fails_with(ENOTTY);
}

SR_FAKE int xengnttab_dmabuf_imp_to_refs(xengntdev_handle*, std::uint32_t, std::uint32_t,
                                         std::uint32_t, std::uint32_t*)
{
    return fails_with(ENOTTY);
}

SR_FAKE int xengnttab_dmabuf_imp_release(xengntdev_handle*, std::uint32_t)
{
    return fails_with(ENOTTY);
}

// There is no /dev/xen/gntalloc, so nobody ever has a handle for the rest.
SR_FAKE xengntshr_handle* xengntshr_open(struct xentoollog_logger*, unsigned)
{
    errno = ENOENT;
    return nullptr;
}

SR_FAKE int xengntshr_close(xengntshr_handle*)
{
    return 0;
}

SR_FAKE int xengntshr_fd(xengntshr_handle*)
{
    return fails_with(EBADF);
}

SR_FAKE void* xengntshr_share_pages(xengntshr_handle*, std::uint32_t, int, std::uint32_t*, int)
{
    return none_with(EBADF);
}

SR_FAKE void* xengntshr_share_page_notify(xengntshr_handle*, std::uint32_t, std::uint32_t*, int,
                                          std::uint32_t, evtchn_port_t)
{
    return none_with(EBADF);
}

SR_FAKE int xengntshr_unshare(xengntshr_handle*, void*, std::uint32_t)
{
    return fails_with(EBADF);
}
