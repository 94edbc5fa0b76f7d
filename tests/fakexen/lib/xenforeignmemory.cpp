// SPDX-License-Identifier: LGPL-2.1-or-later
// libxenforeignmemory.so.1 over a fakexen host: xenforeignmemory.h.
#include "tests/fakexen/lib/connection.hpp"
#include "tests/fakexen/lib/window.hpp"

#include <bit>
#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <vector>

extern "C" {
#include <xenforeignmemory.h>
}

/// The header's opaque handles.
struct xenforeignmemory_handle {
    fakexen::Client* client;
};

struct xenforeignmemory_resource_handle {
    void* address;
    std::size_t nr_frames;
};

namespace {

using fakexen::Window;

constexpr std::size_t page_octets = 4096;

std::uint64_t address_of(const void* pointer) noexcept
{
    return std::bit_cast<std::uint64_t>(pointer);
}

/// What the caller of map2 asked for.
struct MapCall {
    std::uint32_t domid;
    void* hint;
    int prot;
    int flags;
    std::size_t nr_pages;
    const xen_pfn_t* frames;
    int* errors;  ///< null: all or nothing
};

void* map_frames(fakexen::Client& client, const MapCall& call)
{
    std::vector<std::int64_t> offsets(call.nr_pages, -EFAULT);
    Window window{client, call.hint, call.nr_pages, call.flags};
    if (!window) {
        return nullptr;
    }
    fakexen::protocol::Map request;
    request.domid = call.domid;
    request.prot = call.prot;
    request.nr_pages = call.nr_pages;
    request.gfns = address_of(call.frames);
    request.offsets = address_of(offsets.data());
    request.address = window.address();
    request.all_or_nothing = call.errors == nullptr ? 1 : 0;
    if (const std::int64_t result = client.call(request); result < 0) {
        errno = static_cast<int>(-result);
        return nullptr;
    }
    if (!window.place(offsets, call.prot)) {
        return nullptr;
    }
    for (std::size_t i = 0; call.errors != nullptr && i < call.nr_pages; ++i) {
        call.errors[i] = offsets[i] < 0 ? static_cast<int>(offsets[i]) : 0;
    }
    return window.keep();
}

/// The range of a resource, or null with errno set.
void* map_resource_frames(fakexen::Client& client, fakexen::protocol::MapResource request,
                          void* hint)
{
    std::vector<std::int64_t> offsets(request.nr_pages, -EFAULT);
    Window window{client, hint, request.nr_pages, 0};
    if (!window) {
        return nullptr;
    }
    request.offsets = address_of(offsets.data());
    request.address = window.address();
    if (const std::int64_t result = client.call(request); result < 0) {
        errno = static_cast<int>(-result);
        return nullptr;
    }
    return window.place(offsets, request.prot) ? window.keep() : nullptr;
}

fakexen::protocol::MapResource resource_request(domid_t domid, unsigned type, unsigned id)
{
    fakexen::protocol::MapResource request;
    request.domid = domid;
    request.type = type;
    request.id = id;
    return request;
}

}  // namespace

#define SR_FAKE extern "C" __attribute__((visibility("default")))

SR_FAKE xenforeignmemory_handle* xenforeignmemory_open(struct xentoollog_logger*, unsigned)
{
    fakexen::Client* client = fakexen::host_connection();
    return client != nullptr ? new (std::nothrow) xenforeignmemory_handle{client} : nullptr;
}

SR_FAKE int xenforeignmemory_close(xenforeignmemory_handle* fmem)
{
    delete fmem;
    return 0;
}

SR_FAKE int xenforeignmemory_restrict(xenforeignmemory_handle*, domid_t)
{
    errno = EOPNOTSUPP;
    return -1;
}

SR_FAKE void* xenforeignmemory_map2(xenforeignmemory_handle* fmem, std::uint32_t domid, void* addr,
                                    int prot, int flags, std::size_t pages, const xen_pfn_t arr[],
                                    int err[])
{
    if (pages == 0) {
        errno = EINVAL;
        return nullptr;
    }
    try {
        return map_frames(*fmem->client, {domid, addr, prot, flags, pages, arr, err});
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
        return nullptr;
    }
}

SR_FAKE void* xenforeignmemory_map(xenforeignmemory_handle* fmem, std::uint32_t domid, int prot,
                                   std::size_t pages, const xen_pfn_t arr[], int err[])
{
    return xenforeignmemory_map2(fmem, domid, nullptr, prot, 0, pages, arr, err);
}

SR_FAKE int xenforeignmemory_unmap(xenforeignmemory_handle* fmem, void* addr, std::size_t pages)
{
    if (::munmap(addr, pages * page_octets) != 0) {
        return -1;
    }
    fakexen::protocol::Unmap request;
    request.address = address_of(addr);
    request.nr_pages = pages;
    if (const std::int64_t result = fmem->client->call(request); result < 0) {
        errno = static_cast<int>(-result);
        return -1;
    }
    return 0;
}

SR_FAKE xenforeignmemory_resource_handle*
xenforeignmemory_map_resource(xenforeignmemory_handle* fmem, domid_t domid, unsigned int type,
                              unsigned int id, unsigned long frame, unsigned long nr_frames,
                              void** paddr, int prot, int flags)
{
    if ((flags & ~(MAP_SHARED | MAP_PRIVATE)) != 0 || nr_frames == 0) {
        errno = EINVAL;
        return nullptr;
    }
    auto request = resource_request(domid, type, id);
    request.prot = prot;
    request.frame = static_cast<std::uint32_t>(frame);  // the field of Linux's privcmd is that wide
    request.nr_pages = nr_frames;
    try {
        void* address = map_resource_frames(*fmem->client, request, *paddr);
        if (address == nullptr) {
            return nullptr;
        }
        *paddr = address;
        return new xenforeignmemory_resource_handle{address, nr_frames};
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
        return nullptr;
    }
}

SR_FAKE int xenforeignmemory_unmap_resource(xenforeignmemory_handle* fmem,
                                            xenforeignmemory_resource_handle* resource)
{
    if (resource == nullptr) {
        return 0;
    }
    const int result = xenforeignmemory_unmap(fmem, resource->address, resource->nr_frames);
    delete resource;
    return result;
}

SR_FAKE int xenforeignmemory_resource_size(xenforeignmemory_handle* fmem, domid_t domid,
                                           unsigned int type, unsigned int id, std::size_t* size)
{
    const std::int64_t result = fmem->client->call(resource_request(domid, type, id));
    if (result < 0) {
        errno = static_cast<int>(-result);
        return -1;
    }
    *size = static_cast<std::size_t>(result) * page_octets;
    return 0;
}
