// SPDX-License-Identifier: LGPL-2.1-or-later
// Settings, engine, and what libxl is told of both.
#include "tools/save-helper/helper_run.hpp"

#include "libsr/base/error.hpp"
#include "tools/save-helper/engine_call.hpp"
#include "tools/save-helper/saving_mark.hpp"
#include "tools/save-helper/signals_blocked.hpp"
#include "tools/xsr/engine_log.hpp"
#include "tools/xsr/interrupt.hpp"
#include "tools/xsr/units.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace sr {
namespace {

/// How a job ended.
struct Outcome {
    int result = 0;
    int errnum = 0;
    std::string complaint;         ///< of a failure
    bool is_for_fallback = false;  ///< libsr does not take it, and has done nothing at all
    sr_restore_results results{};
};

Outcome failure(int errnum, std::string complaint)
{
    return {-1, errnum, std::move(complaint), false, {}};
}

/// SIGTERM is how libxl aborts: it must arrive, whatever was inherited.
void let_sigterm_in()
{
    (void)std::signal(SIGTERM, SIG_DFL);
    sigset_t sigterm;
    sigemptyset(&sigterm);
    sigaddset(&sigterm, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &sigterm, nullptr);
}

Outcome run_engine(EngineCall& call)
{
    sr_error error = empty_error();
    sr_host* opened = nullptr;
    if (sr_host_open(nullptr, &opened, &error) != 0) {
        const int errnum = errno;
        return failure(errnum, static_cast<const char*>(error.message));
    }
    const Host host{opened};
    const int result =
        call.asked.is_restore ? restore(host.get(), call, error) : save(host.get(), call, error);
    if (result == 0) {
        return {0, 0, "", false, call.results};
    }
    Outcome failed = failure(errno, static_cast<const char*>(error.message));
    failed.is_for_fallback = error.error_class == SR_ERROR_UNSUPPORTED &&
                             error.guest == SR_GUEST_UNTOUCHED && !call.has_asked_libxl &&
                             !call.relay.has_progressed();
    return failed;
}

std::string what_is_done(const Invocation& asked)
{
    return format("%s domain %u", asked.is_restore ? "restoring" : "saving", asked.domid);
}

void report(const Outcome& outcome, const Invocation& asked, Relay& relay, LibxlLink& libxl)
{
    if (outcome.result != 0) {
        relay.log(SR_LOG_ERROR, what_is_done(asked) + ": " + outcome.complaint);
    }
    relay.log(SR_LOG_DEBUG, format("complete r=%d", outcome.result));
    if (asked.is_restore) {
        libxl.tell(restore_results_message(outcome.results.store_gfn, outcome.results.console_gfn));
    }
    libxl.conclude(complete_message(outcome.result, outcome.errnum));
}

/// What a job has until libxl was told how it ended.
struct Job {
    const Invocation& asked;
    Interrupt interrupt{};
    LibxlLink libxl{interrupt.job()};
    Relay relay{libxl, asked.is_restore};
    std::unique_ptr<SavingMark> mark{};
};

/// Does what is asked for. @param[out] settings  as far as they could be read
Outcome run_job(Job& job, Settings& settings)
{
    const Invocation& asked = job.asked;
    try {
        settings = read_settings(std::getenv(settings_variable));
        job.relay.set_least_level(settings.log_level);
        job.relay.announce(format("libsr %s, %s", sr_version(), what_is_done(asked).c_str()));
        if (!asked.is_restore) {
            job.mark = mark_as_saved(asked.domid, job.relay);
        }
        EngineCall call{asked, settings, job.interrupt.job(), job.libxl, job.relay};
        return run_engine(call);
    } catch (const Error& error) {
        return failure(error.to_errno(), error.what());
    } catch (const std::exception& error) {
        return failure(ENOMEM, error.what());
    }
}

/// Whether it is this very program, under whatever name: it would be started again and again.
bool is_ourselves(const std::string& program)
{
    struct stat other {};
    struct stat own {};
    return ::stat(program.c_str(), &other) == 0 && ::stat("/proc/self/exe", &own) == 0 &&
           other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

/// Becomes the helper that is to do it in libsr's place. @return only if that fails: how the job ended
Outcome become(const std::string& program, char** argv)
{
    if (is_ourselves(program)) {
        return failure(ELOOP,
                       format("the fallback %s is libsr-save-helper itself", program.c_str()));
    }
    std::string name = program;
    argv[0] = name.data();
    (void)::execv(argv[0], argv);
    return failure(errno, format("cannot start %s: %s", argv[0], std::strerror(errno)));
}

/// Runs the job, or all of it that is libsr's.
/// @param[out] held  made if another helper is to do it, before the last look for a signal
/// @return the exit status; none if another helper is to do it
std::optional<int> attempt(const Invocation& asked, Settings& settings,
                           const std::optional<Outcome>& before,
                           std::optional<AllSignalsBlocked>& held)
{
    Job job{asked};
    Outcome outcome = before ? *before : run_job(job, settings);
    if (outcome.is_for_fallback && !settings.fallback.empty()) {
        held.emplace();
        if (!job.interrupt.is_requested() && job.libxl.status_if_gone() == 0) {
            job.relay.announce(format("%s: %s; starting %s", what_is_done(asked).c_str(),
                                      outcome.complaint.c_str(), settings.fallback.c_str()));
            return std::nullopt;
        }
        held.reset();
        outcome = failure(ECANCELED, "stopped on request, before another helper was started");
    }
    report(outcome, asked, job.relay, job.libxl);
    return job.libxl.status_if_gone();
}

}  // namespace

int run_helper(const Invocation& asked, char** argv)
{
    let_sigterm_in();
    Settings settings;
    std::optional<AllSignalsBlocked> held;
    std::optional<int> status = attempt(asked, settings, std::nullopt, held);
    if (!status) {
        held.reset();  // our handlers are gone: a signal that came meanwhile ends this process
        status = attempt(asked, settings, become(settings.fallback, argv), held);
    }
    if (*status != 0) {
        (void)std::fprintf(stderr, "libsr-save-helper: libxl is gone: %s was stopped\n",
                           what_is_done(asked).c_str());
    }
    return *status;
}

}  // namespace sr
