// SPDX-License-Identifier: LGPL-2.1-or-later
// A thread that does jobs one after the other, and hands over what they throw.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace sr {

/// Something for a Worker to do, as often as it is given. Belongs to whoever made it.
class Job {
public:
    /// @param work  done on the worker's thread; what it works on is the worker's between start() and finish()
    explicit Job(std::function<void()> work) : work_{std::move(work)} {}
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

private:
    friend class Worker;
    std::function<void()> work_;
    Job* next_ = nullptr;
    bool done_ = true;
    std::exception_ptr failure_;
};

/// One thread beside the caller's, which does all jobs in the order in which they were given. So what is done, and in
/// which order, does not depend on which thread is faster. After a job that failed none is begun: those behind it
/// fail as it did.
///
/// The thread takes no signals: they are the caller's, whom they may be meant to wake. Where there is no thread to be
/// had, jobs are done at once by the caller's.
class Worker {
public:
    Worker();
    /// Waits for the job at hand; those behind it are not begun.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Allocates nothing. The job is finished, or new.
    void start(Job& job);
    /// Waits until the job is done, if it was started. @throws what it threw
    void finish(Job& job);

    /// False if there was no thread to be had.
    [[nodiscard]] bool has_thread() const noexcept { return thread_.joinable(); }

private:
    void work();
    void do_job(Job& job) noexcept;

    std::mutex mutex_;
    std::condition_variable job_given_;
    std::condition_variable job_done_;
    Job* first_ = nullptr;
    Job* last_ = nullptr;
    bool stopping_ = false;
    std::exception_ptr failure_;  ///< of the first job that failed; the worker's own
    std::thread thread_;
};

}  // namespace sr
