// SPDX-License-Identifier: LGPL-2.1-or-later
// libxencall.so.1 over a fakexen host: xencall.h.
#include "tests/fakexen/lib/connection.hpp"

#include <cerrno>
#include <new>
#include <sys/mman.h>

extern "C" {
#include <xencall.h>
}

/// The header's opaque handle.
struct xencall_handle {
    fakexen::Client* client;
};

namespace {

constexpr std::size_t page_octets = 4096;

/// As the ioctl of the real library: ≥ 0, or -1 with errno set.
long call(xencall_handle* xcall, unsigned int op, const std::uint64_t (&args)[6]) noexcept
{
    const std::int64_t result = xcall->client->hypercall(op, args);
    if (result < 0) {
        errno = static_cast<int>(-result);
        return -1;
    }
    return result;
}

int call_int(xencall_handle* xcall, unsigned int op, const std::uint64_t (&args)[6]) noexcept
{
    return static_cast<int>(call(xcall, op, args));
}

/// In front of a buffer that is not counted in pages: how to free it.
struct alignas(16) BufferHead {
    std::size_t nr_pages;
};

}  // namespace

#define SR_FAKE extern "C" __attribute__((visibility("default")))

SR_FAKE xencall_handle* xencall_open(struct xentoollog_logger*, unsigned)
{
    fakexen::Client* client = fakexen::host_connection();
    return client != nullptr ? new (std::nothrow) xencall_handle{client} : nullptr;
}

SR_FAKE int xencall_close(xencall_handle* xcall)
{
    delete xcall;
    return 0;
}

SR_FAKE int xencall_fd(xencall_handle* xcall)
{
    return xcall->client->socket();
}

SR_FAKE int xencall_buffers_never_fault(xencall_handle*)
{
    return 1;
}

SR_FAKE int xencall0(xencall_handle* xcall, unsigned int op)
{
    return call_int(xcall, op, {});
}

SR_FAKE int xencall1(xencall_handle* xcall, unsigned int op, std::uint64_t arg1)
{
    return call_int(xcall, op, {arg1});
}

SR_FAKE int xencall2(xencall_handle* xcall, unsigned int op, std::uint64_t arg1, std::uint64_t arg2)
{
    return call_int(xcall, op, {arg1, arg2});
}

SR_FAKE int xencall3(xencall_handle* xcall, unsigned int op, std::uint64_t arg1, std::uint64_t arg2,
                     std::uint64_t arg3)
{
    return call_int(xcall, op, {arg1, arg2, arg3});
}

SR_FAKE int xencall4(xencall_handle* xcall, unsigned int op, std::uint64_t arg1, std::uint64_t arg2,
                     std::uint64_t arg3, std::uint64_t arg4)
{
    return call_int(xcall, op, {arg1, arg2, arg3, arg4});
}

SR_FAKE int xencall5(xencall_handle* xcall, unsigned int op, std::uint64_t arg1, std::uint64_t arg2,
                     std::uint64_t arg3, std::uint64_t arg4, std::uint64_t arg5)
{
    return call_int(xcall, op, {arg1, arg2, arg3, arg4, arg5});
}

SR_FAKE long xencall2L(xencall_handle* xcall, unsigned int op, std::uint64_t arg1,
                       std::uint64_t arg2)
{
    return call(xcall, op, {arg1, arg2});
}

SR_FAKE void* xencall_alloc_buffer_pages(xencall_handle*, std::size_t nr_pages)
{
    void* at = ::mmap(nullptr, nr_pages * page_octets, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? nullptr : at;
}

SR_FAKE void xencall_free_buffer_pages(xencall_handle*, void* buffer, std::size_t nr_pages)
{
    if (buffer != nullptr) {
        (void)::munmap(buffer, nr_pages * page_octets);
    }
}

SR_FAKE void* xencall_alloc_buffer(xencall_handle* xcall, std::size_t size)
{
    const std::size_t nr_pages = (size + sizeof(BufferHead) + page_octets - 1) / page_octets;
    auto* head = static_cast<BufferHead*>(xencall_alloc_buffer_pages(xcall, nr_pages));
    if (head == nullptr) {
        return nullptr;
    }
    head->nr_pages = nr_pages;
    return head + 1;
}

SR_FAKE void xencall_free_buffer(xencall_handle* xcall, void* buffer)
{
    if (buffer != nullptr) {
        auto* head = static_cast<BufferHead*>(buffer) - 1;
        xencall_free_buffer_pages(xcall, head, head->nr_pages);
    }
}
