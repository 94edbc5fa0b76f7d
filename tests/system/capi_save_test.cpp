// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_save() as a toolstack calls it: who is called when, what an error says, and what stays as it was.
#include "libsr/xen/libraries.hpp"
#include "tests/system/capi_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <future>

namespace sr::test {
namespace {

/// A save that fails. @return what it said
sr_error failed_save(DomId domid, int fd, Recorder& recorder, sr_job* job = nullptr)
{
    const sr_save_options options = save_options(job);
    const sr_save_ops ops = recorder.save_ops();
    sr_error error = fresh_error();
    errno = 0;
    EXPECT_EQ(sr_save(world().engine.get(), domid, fd, &options, &ops, &recorder, &error), -1);
    EXPECT_NE(errno, 0);
    EXPECT_FALSE(recorder.off_thread);
    return error;
}

/// The shared guest can still be saved, and says the same.
void expect_savable()
{
    const Octets before = whole_stream();
    const MemoryFile file;
    sr_error error = fresh_error();
    EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), nullptr, nullptr, nullptr,
                      &error),
              0)
        << error.message;
    EXPECT_EQ(file.contents().size(), before.size());
}

TEST(CapiSave, WorksOnHandlesOfTheCaller)
{
    (void)world();
    xc_interface* const xch = xc_interface_open(nullptr, nullptr, 0);
    xenforeignmemory_handle* const fmem = xenforeignmemory_open(nullptr, 0);
    const sr_host_options options{sizeof(options), xch, fmem};
    sr_host* host = nullptr;
    ASSERT_EQ(sr_host_open(&options, &host, nullptr), 0);
    const MemoryFile file;
    EXPECT_EQ(sr_save(host, suspended_guest(), file.fd(), nullptr, nullptr, nullptr, nullptr), 0);
    EXPECT_EQ(file.contents().size(), whole_stream().size());
    sr_host_close(host);
    EXPECT_GE(xc_version(xch, XENVER_version, nullptr), 0) << "still open";
    EXPECT_EQ(xenforeignmemory_close(fmem), 0);
    EXPECT_EQ(xc_interface_close(xch), 0);
}

TEST(CapiSave, ReportsProgressInOrderOnTheCallersThread)
{
    Recorder recorder;
    const MemoryFile file;
    const sr_save_ops ops = recorder.save_ops();
    ASSERT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), nullptr, &ops, &recorder,
                      nullptr),
              0);
    EXPECT_FALSE(recorder.off_thread);
    EXPECT_EQ(recorder.calls, std::vector<std::string>{}) << "it was suspended already";
    ASSERT_GE(recorder.progress.size(), 3U);
    EXPECT_EQ(recorder.progress.front().phase, SR_PHASE_SETUP);
    EXPECT_EQ(recorder.progress.back().phase, SR_PHASE_COMPLETION);
    const auto rises = [&](auto member) {
        return std::is_sorted(
            recorder.progress.begin(), recorder.progress.end(),
            [=](const sr_progress& a, const sr_progress& b) { return a.*member < b.*member; });
    };
    EXPECT_TRUE(rises(&sr_progress::phase));
    EXPECT_TRUE(rises(&sr_progress::pages_done));
    EXPECT_TRUE(rises(&sr_progress::pages_sent));
    EXPECT_TRUE(rises(&sr_progress::stream_octets));
    EXPECT_TRUE(rises(&sr_progress::elapsed_ns));
    const sr_progress& last = recorder.progress.back();
    EXPECT_EQ(last.size, sizeof(sr_progress));
    EXPECT_EQ(last.pages_done, last.pages_total);
    EXPECT_LT(last.pages_sent, last.pages_done) << "there are holes";
    EXPECT_LT(last.stream_octets, file.contents().size());
    EXPECT_NE(recorder.log, std::vector<std::string>{});
}

TEST(CapiSave, NamesNoDomainForANumberThatIsNone)
{
    Recorder recorder;
    const MemoryFile file;
    for (const DomId domid :
         {DomId{0}, DomId{4711}, DomId{0x7ff0}, 0x10000U | suspended_guest(), ~DomId{0}}) {
        SCOPED_TRACE(domid);
        const sr_error error = failed_save(domid, file.fd(), recorder);
        EXPECT_EQ(error.error_class, SR_ERROR_USAGE) << error.message;
        EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
        EXPECT_EQ(error.record, SR_NONE);
        EXPECT_EQ(error.pfn, SR_NONE);
    }
    EXPECT_EQ(recorder.calls, std::vector<std::string>{});
    EXPECT_EQ(file.contents().size(), 0U);
}

TEST(CapiSave, RefusesNullAndClosedDescriptors)
{
    sr_error error = fresh_error();
    EXPECT_EQ(sr_save(nullptr, 1, 1, nullptr, nullptr, nullptr, &error), -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE);
    EXPECT_EQ(sr_save(nullptr, 1, 1, nullptr, nullptr, nullptr, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(sr_host_open(nullptr, nullptr, &error), -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE);
    sr_host_close(nullptr);
    sr_job_free(nullptr);
    sr_cancel(nullptr);
    Recorder recorder;
    error = failed_save(suspended_guest(), -1, recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_IO);
    EXPECT_EQ(error.errnum, EBADF);
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
}

TEST(CapiSave, SaysWhoHoldsAGuestThatDidNotSuspend)
{
    const FakeHost& host = world().host;
    const auto domid = static_cast<DomId>(
        std::stoul(host.create_guest({"--name", "awake", "--memory", "4M", "--paused"})));
    const MemoryFile file;
    sr_error error = fresh_error();
    EXPECT_EQ(sr_save(world().engine.get(), domid, file.fd(), nullptr, nullptr, nullptr, &error),
              -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE) << "no operation to suspend it";
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);

    Recorder recorder;
    recorder.suspend_answer = SR_SUSPEND_FAILED;
    error = failed_save(domid, file.fd(), recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_CALLBACK);
    EXPECT_STREQ(error.call, "suspend");
    EXPECT_EQ(error.guest, SR_GUEST_AT_SOURCE);

    recorder.suspend_answer = SR_SUSPEND_DONE;
    error = failed_save(domid, file.fd(), recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_GUEST) << "it said so, but the guest did not";
    EXPECT_EQ(error.guest, SR_GUEST_AT_SOURCE);
    EXPECT_EQ(recorder.calls, (std::vector<std::string>{"suspend", "suspend"}));
    EXPECT_EQ(file.contents().size(), 0U);
    world().toolstack.destroy(domid);
}

TEST(CapiSave, LeavesSignalsToTheOperations)
{
    const FakeHost& host = world().host;
    const auto domid = static_cast<DomId>(
        std::stoul(host.create_guest({"--name", "piped", "--memory", "4M", "--paused"})));
    static bool was_blocked;
    was_blocked = true;
    sr_save_ops ops{};
    ops.size = sizeof(ops);
    ops.suspend = [](void*) {
        sigset_t now;
        (void)pthread_sigmask(SIG_SETMASK, nullptr, &now);
        was_blocked = sigismember(&now, SIGPIPE) != 0;
        return SR_SUSPEND_FAILED;
    };
    const MemoryFile file;
    EXPECT_EQ(sr_save(world().engine.get(), domid, file.fd(), nullptr, &ops, nullptr, nullptr), -1);
    EXPECT_FALSE(was_blocked) << "a program that it starts would inherit that";
    world().toolstack.destroy(domid);
}

TEST(CapiSave, DoesNothingForAJobThatWasCancelledBefore)
{
    const FakeHost& host = world().host;
    const auto domid = static_cast<DomId>(
        std::stoul(host.create_guest({"--name", "unasked", "--memory", "4M", "--paused"})));
    sr_job* const job = sr_job_new();
    sr_cancel(job);
    Recorder recorder;
    const MemoryFile file;
    const sr_error error = failed_save(domid, file.fd(), recorder, job);
    EXPECT_EQ(error.error_class, SR_ERROR_CANCELLED);
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
    EXPECT_EQ(recorder.calls, std::vector<std::string>{}) << "not even to suspend";
    sr_job_free(job);
    world().toolstack.destroy(domid);
}

TEST(CapiSave, CanBeCancelledOutOfAWriteThatBlocks)
{
    sr_job* const job = sr_job_new();
    const Pipe pipe;  // nobody reads
    std::promise<void> begun;
    bool told = false;
    Recorder recorder;
    recorder.at_progress = [&](const sr_progress&) {
        if (!told) {
            told = true;
            begun.set_value();
        }
    };
    std::jthread canceller{[&] {
        begun.get_future().wait();
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        sr_cancel(job);
    }};
    const sr_error error = failed_save(suspended_guest(), pipe.writer.get(), recorder, job);
    canceller.join();
    EXPECT_EQ(error.error_class, SR_ERROR_CANCELLED) << error.message;
    sr_job_free(job);
    expect_savable();
}

TEST(CapiSave, CanBeCancelledFromAnOperation)
{
    sr_job* const job = sr_job_new();
    const MemoryFile file;
    Recorder recorder;
    recorder.at_progress = [&](const sr_progress& progress) {
        if (progress.phase == SR_PHASE_COMPLETION) {
            sr_cancel(job);
        }
    };
    const sr_error error = failed_save(suspended_guest(), file.fd(), recorder, job);
    EXPECT_EQ(error.error_class, SR_ERROR_CANCELLED) << error.message;
    sr_job_free(job);
    expect_savable();
}

TEST(CapiSave, NamesTheErrnoOfADescriptorThatFails)
{
    Recorder recorder;
    Pipe pipe;
    pipe.reader = Fd{};
    sr_error error = failed_save(suspended_guest(), pipe.writer.get(), recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_IO);
    EXPECT_EQ(error.errnum, EPIPE) << "and no SIGPIPE";
    EXPECT_STREQ(error.call, "writev");
    const Fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    error = failed_save(suspended_guest(), full.get(), recorder);
    EXPECT_EQ(error.errnum, ENOSPC) << error.message;
    expect_savable();
}

TEST(CapiSave, TakesStructsOfOlderCallers)
{
    const MemoryFile file;
    Recorder recorder;
    sr_save_ops ops = recorder.save_ops();
    ops.size = offsetof(sr_save_ops, log);  // log and progress are not there: other variables
    sr_save_options options = save_options();
    options.size = offsetof(sr_save_options, stream_type);
    options.stream_type = SR_STREAM_REMUS;
    EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, &ops, &recorder,
                      nullptr),
              0);
    EXPECT_EQ(recorder.progress.size(), 0U);
    EXPECT_EQ(recorder.log.size(), 0U);

    sr_error error = fresh_error();
    error.size = offsetof(sr_error, guest);
    options.size = 0;
    EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, nullptr,
                      nullptr, &error),
              -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE);
    EXPECT_EQ(error.size, offsetof(sr_error, guest));
    EXPECT_EQ(static_cast<unsigned char>(error.message[0]), 0xaaU) << "past the caller's struct";
}

TEST(CapiSave, LooksForStaleTypesAsTold)
{
    const MemoryFile file;
    const auto time_spent = [&](sr_stale_types choice) {
        Recorder recorder;
        const sr_save_ops ops = recorder.save_ops();
        sr_save_options options = save_options();
        options.stale_types = choice;
        EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, &ops,
                          &recorder, nullptr),
                  0);
        EXPECT_EQ(recorder.progress.back().stale_tables, 0U) << "this hypervisor knows better";
        return recorder.progress.back().stale_types_ns;
    };
    EXPECT_EQ(time_spent(SR_STALE_TYPES_AUTO), 0U) << "Xen 4.17 has none";
    EXPECT_GT(time_spent(SR_STALE_TYPES_ON), 0U);
    EXPECT_EQ(time_spent(SR_STALE_TYPES_OFF), 0U);

    sr_error error = fresh_error();
    sr_save_options options = save_options();
    options.stale_types = static_cast<sr_stale_types>(SR_STALE_TYPES_OFF + 1);
    EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, nullptr,
                      nullptr, &error),
              -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE);
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
}

TEST(CapiSave, RefusesWhatItCannotDo)
{
    const MemoryFile file;
    const auto refusal_of = [&](const sr_save_options& options) {
        sr_error error = fresh_error();
        EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, nullptr,
                          nullptr, &error),
                  -1);
        EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
        EXPECT_TRUE(file.contents().empty());
        return error.error_class;
    };
    sr_save_options options = save_options();
    options.flags = 1U << 31;
    EXPECT_EQ(refusal_of(options), SR_ERROR_UNSUPPORTED);
    options = save_options();
    options.stream_type = SR_STREAM_COLO;
    EXPECT_EQ(refusal_of(options), SR_ERROR_UNSUPPORTED);
    options.stream_type = static_cast<sr_stream_type>(SR_STREAM_COLO + 1);
    EXPECT_EQ(refusal_of(options), SR_ERROR_USAGE);
    options.stream_type = SR_STREAM_REMUS;
    EXPECT_EQ(refusal_of(options), SR_ERROR_USAGE) << "there are no operations for checkpoints";
}

/// As live as can be of a guest that stands still.
TEST(CapiSave, SavesASuspendedGuestLiveAsItIs)
{
    const MemoryFile file;
    sr_save_options options = save_options();
    options.flags = SR_SAVE_LIVE;
    sr_error error = fresh_error();
    EXPECT_EQ(sr_save(world().engine.get(), suspended_guest(), file.fd(), &options, nullptr,
                      nullptr, &error),
              0)
        << error.message;
    EXPECT_EQ(file.contents(), whole_stream());
}

}  // namespace
}  // namespace sr::test
