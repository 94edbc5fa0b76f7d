// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs on a thread of their own: their order, their failures, their end.
#include "libsr/base/error.hpp"
#include "libsr/base/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

namespace sr {
namespace {

TEST(Worker, DoesJobsInTheirOrder)
{
    std::vector<int> done;
    std::deque<Job> jobs;
    for (int i = 0; i < 100; ++i) {
        jobs.emplace_back([&done, i] { done.push_back(i); });
    }
    Worker worker;
    for (Job& job : jobs) {
        worker.start(job);
    }
    worker.finish(jobs.back());
    ASSERT_EQ(done.size(), 100U);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST(Worker, DoesAJobAgain)
{
    int times = 0;
    Job job{[&] { ++times; }};
    Worker worker;
    for (int i = 0; i < 1000; ++i) {
        worker.start(job);
        worker.finish(job);
    }
    EXPECT_EQ(times, 1000);
}

TEST(Worker, FinishesWhatWasNeverStarted)
{
    Job job{[] { FAIL(); }};
    Worker worker;
    worker.finish(job);
}

TEST(Worker, HandsOverWhatAJobThrows)
{
    bool later_ran = false;
    Job good{[] {}};
    Job bad{[] { throw Error{Errc::guest, "bad"}.with_pfn(7); }};
    Job later{[&] { later_ran = true; }};
    Worker worker;
    worker.start(good);
    worker.start(bad);
    worker.start(later);
    EXPECT_NO_THROW(worker.finish(good));
    for (Job* job : {&bad, &later}) {
        try {
            worker.finish(*job);
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), Errc::guest);
            EXPECT_EQ(e.pfn(), 7U);
        }
    }
    EXPECT_FALSE(later_ran);
}

TEST(Worker, EndsWithJobsThatNobodyFinishes)
{
    std::atomic<int> done = 0;
    std::deque<Job> jobs;
    for (int i = 0; i < 10; ++i) {
        jobs.emplace_back([&] { ++done; });
    }
    {
        Worker worker;
        for (Job& job : jobs) {
            worker.start(job);
        }
    }
    EXPECT_LE(done, 10);
}

std::atomic<pid_t> handled_by = 0;

// A signal to the process has to come to the thread that may be blocked in a write.
TEST(Worker, LeavesSignalsToTheCaller)
{
    struct sigaction action {};
    action.sa_handler = [](int) { handled_by = ::gettid(); };
    struct sigaction before {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
    bool blocked_there = false;
    Job job{[&] {
        sigset_t mask;
        (void)::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        blocked_there = sigismember(&mask, SIGUSR1) == 1;
    }};
    Worker worker;
    worker.start(job);
    worker.finish(job);
    EXPECT_TRUE(blocked_there || !worker.has_thread());
    ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
    while (handled_by == 0) {
        ::usleep(100);
    }
    EXPECT_EQ(handled_by, ::gettid());
    (void)::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace sr
