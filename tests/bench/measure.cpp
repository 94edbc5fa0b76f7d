// SPDX-License-Identifier: LGPL-2.1-or-later
// Measuring, by what the kernel accounts and what the counting library saw.
#include "tests/bench/measure.hpp"

#include "tests/bench/counters.hpp"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <string>
#include <sys/resource.h>

namespace sr::bench {
namespace {

std::uint64_t ns_of(const timeval& time)
{
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

/// Of the first thread of a process: /proc/PID/schedstat begins with it.
std::uint64_t processor_ns_of(const char* pid)
{
    std::uint64_t ns = 0;
    std::ifstream{std::string{"/proc/"} + pid + "/schedstat"} >> ns;
    return ns;
}

/// RssAnon of proc(5), in KiB.
std::uint64_t own_memory_kib()
{
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) {
            return std::stoull(line.substr(sizeof("RssAnon:") - 1));
        }
    }
    return 0;
}

std::uint64_t most_kib = 0;

template <typename Fn>
Fn find_function(const char* name)
{
    void* const found = ::dlsym(RTLD_DEFAULT, name);
    Fn fn = nullptr;
    static_assert(sizeof fn == sizeof found);
    std::memcpy(&fn, &found, sizeof fn);
    return fn;
}

}  // namespace

Usage usage_now()
{
    rusage self{};
    (void)::getrusage(RUSAGE_SELF, &self);
    const char* host = std::getenv("SR_BENCH_HOST_PID");
    const auto wall = std::chrono::steady_clock::now().time_since_epoch();
    return {
        .wall_ns = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count()),
        .user_ns = ns_of(self.ru_utime),
        .system_ns = ns_of(self.ru_stime),
        .host_ns = host != nullptr ? processor_ns_of(host) : 0,
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access): that is how glibc declares it
        .switches = static_cast<std::uint64_t>(self.ru_nvcsw)};
}

void look_at_memory()
{
    most_kib = std::max(most_kib, own_memory_kib());
}

Measure::Measure() : begin_{usage_now()}, begin_kib_{own_memory_kib()}
{
    if (const auto start = find_function<StartCounting>(start_counting_name); start != nullptr) {
        start();
    }
}

void Measure::print() const
{
    const auto stop = find_function<StopCounting>(stop_counting_name);
    const Counts counts = stop != nullptr ? stop() : Counts{};
    const Usage end = usage_now();
    (void)std::printf("{\"wall\": %" PRIu64 ", \"user\": %" PRIu64 ", \"system\": %" PRIu64
                      ", \"host\": %" PRIu64 ", \"switches\": %" PRIu64
                      ", \"allocations\": %" PRIu64 ", \"stream_calls\": %" PRIu64
                      ", \"own_kib\": %" PRIu64 ", \"hypercalls\": %" PRIu64
                      ", \"mappings\": %" PRIu64 ", \"buffered\": %" PRIu64 "}\n",
                      end.wall_ns - begin_.wall_ns, end.user_ns - begin_.user_ns,
                      end.system_ns - begin_.system_ns, end.host_ns - begin_.host_ns,
                      end.switches - begin_.switches, counts.allocations, counts.stream_calls,
                      std::max(most_kib, begin_kib_) - begin_kib_, counts.hypercalls,
                      counts.mappings, counts.buffered_octets);
}

}  // namespace sr::bench
