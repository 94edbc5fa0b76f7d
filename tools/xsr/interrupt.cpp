// SPDX-License-Identifier: LGPL-2.1-or-later
// Signal handlers, and the one global that a handler needs.
#include "tools/xsr/interrupt.hpp"

#include "libsr/base/error.hpp"

#include <atomic>
#include <cerrno>

namespace sr {
namespace {

// A handler gets no argument of ours: this is how it finds the Interrupt that lives.
std::atomic<Interrupt*> current{nullptr};
static_assert(std::atomic<Interrupt*>::is_always_lock_free, "needed in signal handlers");

}  // namespace

Interrupt::Interrupt() : job_{sr_job_new()}
{
    if (!job_) {
        throw Error::from_errno(Errc::io, errno, "cannot prepare for ^C").with_call("sr_job_new");
    }
    current.store(this);
    struct sigaction action {};
    action.sa_handler = &Interrupt::on_signal;
    for (std::size_t i = 0; i < stopping.size(); ++i) {
        (void)::sigaction(stopping.at(i), &action, &stopping_before_.at(i));
        if (stopping_before_.at(i).sa_handler == SIG_IGN) {  // nohup
            (void)::sigaction(stopping.at(i), &stopping_before_.at(i), nullptr);
        }
    }
    action.sa_handler = SIG_IGN;
    for (std::size_t i = 0; i < ignored.size(); ++i) {
        (void)::sigaction(ignored.at(i), &action, &ignored_before_.at(i));
    }
}

Interrupt::~Interrupt()
{
    for (std::size_t i = 0; i < stopping.size(); ++i) {
        (void)::sigaction(stopping.at(i), &stopping_before_.at(i), nullptr);
    }
    for (std::size_t i = 0; i < ignored.size(); ++i) {
        (void)::sigaction(ignored.at(i), &ignored_before_.at(i), nullptr);
    }
    current.store(nullptr);
}

void Interrupt::on_signal(int /*number*/)
{
    if (Interrupt* const here = current.load()) {
        here->token_.cancel();
        sr_cancel(here->job_.get());
    }
}

}  // namespace sr
