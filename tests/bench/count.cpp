// SPDX-License-Identifier: LGPL-2.1-or-later
// A library to be preloaded: counts allocations, system calls on the stream, copies, hypercalls and foreign mappings.
#include "tests/bench/counters.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <dlfcn.h>
#include <poll.h>
#include <span>
#include <sys/uio.h>
#include <unistd.h>

extern "C" {
#include <xencall.h>
#include <xenforeignmemory.h>
}

// glibc's own, under names that a preloaded library does not hide.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): they are glibc's to choose
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t nr, std::size_t size);
extern "C" void* __libc_realloc(void* old, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace {

using sr::bench::Counts;

constexpr std::size_t page_octets = 4096;

struct {
    std::atomic<std::uint64_t> allocations;
    std::atomic<std::uint64_t> stream_calls;
    std::atomic<std::uint64_t> hypercalls;
    std::atomic<std::uint64_t> mappings;
    std::atomic<std::uint64_t> buffered_octets;
    std::atomic<bool> on;
} counters;

/// Set while a fake library works.
thread_local bool in_fake = false;

bool counting() noexcept
{
    return counters.on.load(std::memory_order_relaxed) && !in_fake;
}

void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) noexcept
{
    if (counting()) {
        counter.fetch_add(by, std::memory_order_relaxed);
    }
}

/// The function of that name that would have been called without us.
template <typename Fn>
Fn* next(const char* name) noexcept
{
    void* const found = ::dlsym(RTLD_NEXT, name);
    Fn* fn = nullptr;
    static_assert(sizeof fn == sizeof found);
    __builtin_memcpy(&fn, &found, sizeof fn);
    return fn;
}

/// Calls a fake library, within which nothing is counted.
template <typename Fn, typename... Args>
auto call_fake(Fn* fn, Args... args) noexcept
{
    const bool before = in_fake;
    in_fake = true;
    const auto result = fn(args...);
    in_fake = before;
    return result;
}

/// Where foreign frames are mapped just now. More mappings than there is room for count as the engine's own memory.
class ForeignRanges {
public:
    void add(const void* begin, std::size_t length) noexcept
    {
        for (Range& range : ranges_) {
            const char* free = nullptr;
            if (range.begin.compare_exchange_strong(free, static_cast<const char*>(begin))) {
                range.length = length;
                return;
            }
        }
    }
    void remove(const void* begin) noexcept
    {
        for (Range& range : ranges_) {
            const auto* at = static_cast<const char*>(begin);
            if (range.begin.compare_exchange_strong(at, nullptr)) {
                return;
            }
        }
    }
    [[nodiscard]] bool contain(const void* at) const noexcept
    {
        return std::any_of(std::begin(ranges_), std::end(ranges_), [&](const Range& range) {
            const char* begin = range.begin;
            return begin != nullptr && at >= begin && at < begin + range.length;
        });
    }

private:
    struct Range {
        std::atomic<const char*> begin{nullptr};
        std::atomic<std::size_t> length{0};
    };
    Range ranges_[64];
};

ForeignRanges foreign;

/// One call on the stream that moved the first `moved` octets of these parts.
void count_stream(std::span<const iovec> parts, ssize_t moved) noexcept
{
    count(counters.stream_calls);
    auto left = static_cast<std::size_t>(std::max<ssize_t>(moved, 0));
    for (const iovec& part : parts) {
        const std::size_t here = std::min(part.iov_len, left);
        left -= here;
        if (here != 0 && !foreign.contain(part.iov_base)) {
            count(counters.buffered_octets, here);
        }
    }
}

}  // namespace

#define SR_COUNTED extern "C" __attribute__((visibility("default")))

SR_COUNTED void sr_bench_start_counting()
{
    counters.on.store(true);
}

SR_COUNTED Counts sr_bench_stop_counting()
{
    counters.on.store(false);
    return {counters.allocations, counters.stream_calls, counters.hypercalls, counters.mappings,
            counters.buffered_octets};
}

SR_COUNTED void* malloc(std::size_t size)
{
    count(counters.allocations);
    return __libc_malloc(size);
}

SR_COUNTED void* calloc(std::size_t nr, std::size_t size)
{
    count(counters.allocations);
    return __libc_calloc(nr, size);
}

SR_COUNTED void* realloc(void* old, std::size_t size)
{
    count(counters.allocations);
    return __libc_realloc(old, size);
}

SR_COUNTED ssize_t read(int fd, void* to, std::size_t n)
{
    static auto* const real = next<ssize_t(int, void*, std::size_t)>("read");
    const iovec part{to, n};
    const ssize_t moved = real(fd, to, n);
    count_stream({&part, 1}, moved);
    return moved;
}

SR_COUNTED ssize_t readv(int fd, const iovec* parts, int nr)
{
    static auto* const real = next<ssize_t(int, const iovec*, int)>("readv");
    const ssize_t moved = real(fd, parts, nr);
    count_stream({parts, static_cast<std::size_t>(nr)}, moved);
    return moved;
}

SR_COUNTED ssize_t write(int fd, const void* from, std::size_t n)
{
    static auto* const real = next<ssize_t(int, const void*, std::size_t)>("write");
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): an iovec has no const form
    const iovec part{const_cast<void*>(from), n};
    const ssize_t moved = real(fd, from, n);
    count_stream({&part, 1}, moved);
    return moved;
}

SR_COUNTED ssize_t writev(int fd, const iovec* parts, int nr)
{
    static auto* const real = next<ssize_t(int, const iovec*, int)>("writev");
    const ssize_t moved = real(fd, parts, nr);
    count_stream({parts, static_cast<std::size_t>(nr)}, moved);
    return moved;
}

SR_COUNTED int poll(pollfd* fds, nfds_t nr, int timeout_ms)
{
    static auto* const real = next<int(pollfd*, nfds_t, int)>("poll");
    count(counters.stream_calls);
    return real(fds, nr, timeout_ms);
}

SR_COUNTED int xencall1(xencall_handle* xcall, unsigned int op, std::uint64_t arg1)
{
    static auto* const real = next<int(xencall_handle*, unsigned, std::uint64_t)>("xencall1");
    count(counters.hypercalls);
    return call_fake(real, xcall, op, arg1);
}

SR_COUNTED int xencall2(xencall_handle* xcall, unsigned int op, std::uint64_t arg1,
                        std::uint64_t arg2)
{
    static auto* const real =
        next<int(xencall_handle*, unsigned, std::uint64_t, std::uint64_t)>("xencall2");
    count(counters.hypercalls);
    return call_fake(real, xcall, op, arg1, arg2);
}

SR_COUNTED int xencall4(xencall_handle* xcall, unsigned int op, std::uint64_t arg1,
                        std::uint64_t arg2, std::uint64_t arg3, std::uint64_t arg4)
{
    static auto* const real = next<int(xencall_handle*, unsigned, std::uint64_t, std::uint64_t,
                                       std::uint64_t, std::uint64_t)>("xencall4");
    count(counters.hypercalls);
    return call_fake(real, xcall, op, arg1, arg2, arg3, arg4);
}

SR_COUNTED void* xenforeignmemory_map(xenforeignmemory_handle* fmem, std::uint32_t domid, int prot,
                                      std::size_t pages, const xen_pfn_t gfns[], int err[])
{
    static auto* const real = next<void*(xenforeignmemory_handle*, std::uint32_t, int, std::size_t,
                                         const xen_pfn_t*, int*)>("xenforeignmemory_map");
    count(counters.mappings);
    void* const at = call_fake(real, fmem, domid, prot, pages, gfns, err);
    if (at != nullptr) {
        foreign.add(at, pages * page_octets);
    }
    return at;
}

SR_COUNTED int xenforeignmemory_unmap(xenforeignmemory_handle* fmem, void* addr, std::size_t pages)
{
    static auto* const real =
        next<int(xenforeignmemory_handle*, void*, std::size_t)>("xenforeignmemory_unmap");
    foreign.remove(addr);
    return call_fake(real, fmem, addr, pages);
}
