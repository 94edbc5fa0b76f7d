// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker's queue and its thread.
#include "libsr/base/worker.hpp"

#include <cassert>
#include <signal.h>
#include <system_error>
#include <utility>

namespace sr {
namespace {

/// No signal reaches this thread while it lives, nor one that is made meanwhile.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept
    {
        sigset_t all;
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

}  // namespace

Worker::Worker()
{
    const SignalsBlocked inherited;
    try {
        thread_ = std::thread{&Worker::work, this};
    } catch (const std::system_error&) {
        // Too many threads: the caller's will do.
    }
}

Worker::~Worker()
{
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    job_given_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Worker::start(Job& job)
{
    assert(job.done_);
    job.done_ = false;
    job.next_ = nullptr;
    if (!has_thread()) {
        do_job(job);
        job.done_ = true;
        return;
    }
    {
        const std::scoped_lock lock{mutex_};
        (first_ == nullptr ? first_ : last_->next_) = &job;
        last_ = &job;
    }
    job_given_.notify_one();
}

void Worker::finish(Job& job)
{
    {
        std::unique_lock lock{mutex_};
        job_done_.wait(lock, [&] { return job.done_; });
    }
    if (job.failure_) {
        std::rethrow_exception(std::exchange(job.failure_, nullptr));
    }
}

void Worker::work()
{
    std::unique_lock lock{mutex_};
    while (true) {
        job_given_.wait(lock, [&] { return stopping_ || first_ != nullptr; });
        if (stopping_) {
            return;
        }
        Job& job = *first_;
        lock.unlock();
        do_job(job);
        lock.lock();
        first_ = job.next_;
        job.done_ = true;
        job_done_.notify_one();
    }
}

void Worker::do_job(Job& job) noexcept
{
    if (!failure_) {
        try {
            job.work_();
        } catch (...) {
            failure_ = std::current_exception();
        }
    }
    job.failure_ = failure_;
}

}  // namespace sr
