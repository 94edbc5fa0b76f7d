// SPDX-License-Identifier: LGPL-2.1-or-later
// libsr, through sr.h.
#include "libsr/base/error.hpp"
#include "sr.h"
#include "tests/bench/contender.hpp"
#include "tests/bench/measure.hpp"

#include <cstdlib>

namespace sr::bench {
namespace {

void must_succeed(int result, const sr_error& error)
{
    if (result != 0) {
        throw Error{Errc::hypervisor, "libsr: %s", error.message};
    }
}

sr_error empty_error()
{
    sr_error error{};
    error.size = sizeof(error);
    return error;
}

/// Reading /proc takes time: only where SR_BENCH_MEMORY asks for it.
void watch_memory(const sr_progress* /*progress*/, void* /*user*/)
{
    look_at_memory();
}

bool memory_is_asked_for()
{
    return std::getenv("SR_BENCH_MEMORY") != nullptr;
}

class Libsr final : public Contender {
public:
    Libsr()
    {
        sr_error error = empty_error();
        must_succeed(sr_host_open(nullptr, &host_, &error), error);
    }
    Libsr(const Libsr&) = delete;
    Libsr& operator=(const Libsr&) = delete;
    ~Libsr() override { sr_host_close(host_); }

    void save(std::uint32_t domid, int fd) override
    {
        sr_save_ops ops{};
        ops.size = sizeof(ops);
        ops.progress = memory_is_asked_for() ? &watch_memory : nullptr;
        sr_error error = empty_error();
        must_succeed(sr_save(host_, domid, fd, nullptr, &ops, nullptr, &error), error);
    }

    void restore(const Destination& to, int fd) override
    {
        sr_restore_options options{};
        options.size = sizeof(options);
        options.store_evtchn = to.store_evtchn;
        options.console_evtchn = to.console_evtchn;
        sr_restore_ops ops{};
        ops.size = sizeof(ops);
        ops.progress = memory_is_asked_for() ? &watch_memory : nullptr;
        sr_error error = empty_error();
        must_succeed(sr_restore(host_, to.domid, fd, &options, &ops, nullptr, &error), error);
    }

private:
    sr_host* host_ = nullptr;
};

}  // namespace

std::unique_ptr<Contender> open_libsr()
{
    return std::make_unique<Libsr>();
}

}  // namespace sr::bench
