// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations sr_save asks for, and resuming or destroying the guest afterwards.
#include "tools/xsr/save_job.hpp"

#include "tools/xsr/units.hpp"

namespace sr {

SaveJob::SaveJob(Console& console, Toolstack& toolstack, const NamedDomain& domain,
                 SuspendOptions suspend_options)
    : console_{console}, toolstack_{toolstack}, domain_{domain}, meter_{console, domain.name, 0},
      suspend_options_{suspend_options}, was_suspended_{domain.state.is_suspended()}
{
    suspend_options_.interrupt_fd = interrupt_.poll_fd();
}

sr_suspend_result SaveJob::suspend() noexcept
{
    try {
        meter_.announce("suspending", "asking the guest to suspend");
        suspend_domain(toolstack_, domain_.state.id, suspend_options_);
        suspended_at_ = std::chrono::steady_clock::now();
        meter_.announce("suspended", "the guest has suspended");
        return SR_SUSPEND_DONE;
    } catch (...) {
        suspend_error_ = std::current_exception();
        return SR_SUSPEND_FAILED;
    }
}

void SaveJob::run(sr_host* host, int fd, const SaveSettings& settings)
{
    sr_save_options options{};
    options.size = sizeof(options);
    options.flags = settings.flags;
    options.job = interrupt_.job();
    options.back_channel_fd = -1;
    options.stale_types = settings.stale_types;
    options.max_grant_version = settings.max_grant_version;
    sr_save_ops ops{};
    ops.size = sizeof(ops);
    ops.suspend = [](void* user) { return static_cast<SaveJob*>(user)->suspend(); };
    ops.log = [](sr_log_level level, const char* message, void* user) {
        quietly([&] { log_to(static_cast<SaveJob*>(user)->console_, level, message); });
    };
    ops.progress = [](const sr_progress* progress, void* user) {
        quietly([&] { static_cast<SaveJob*>(user)->meter_.update(*progress); });
    };
    sr_error error = empty_error();
    const int result = sr_save(host, domain_.state.id, fd, &options, &ops, this, &error);
    if (suspend_error_) {
        std::rethrow_exception(suspend_error_);
    }
    if (result != 0) {
        throw EngineFailure{error};
    }
}

void SaveJob::finish(AfterSave wish)
{
    const DomId domid = domain_.state.id;
    switch (wish) {
    case AfterSave::destroy:
        check_still_suspended();
        toolstack_.destroy(domid);
        break;
    case AfterSave::leave_paused:
        toolstack_.control().pause(domid);
        toolstack_.resume(domid);
        break;
    case AfterSave::leave_running:
        toolstack_.resume(domid);
        break;
    }
}

/// Flushing the file may have taken long, and a guest that somebody resumed has gone on since.
void SaveJob::check_still_suspended()
{
    const auto state = toolstack_.control().state_of(domain_.state.id);
    if (state && state->uuid == domain_.state.uuid && !state->is_suspended()) {
        was_resumed_meanwhile_ = true;
        throw Error{Errc::guest, "domain %u is not destroyed", domain_.state.id};
    }
}

std::string SaveJob::undo_or_throw()
{
    const DomId domid = domain_.state.id;
    const auto state = toolstack_.control().state_of(domid);
    if (!state || state->is_dying) {
        return format("domain %u is gone", domid);
    }
    if (!state->is_suspended()) {
        return state->shutdown    ? format("domain %u has shut down", domid)
               : state->is_paused ? format("domain %u is paused (xsr resume %u)", domid, domid)
                                  : "the guest runs on";
    }
    if (was_suspended_) {
        return format("domain %u is suspended, as it was before", domid);
    }
    toolstack_.resume(domid);
    const auto now = toolstack_.control().state_of(domid);
    return now && now->is_paused ? format("domain %u is paused (xsr resume %u)", domid, domid)
                                 : "the guest runs again";
}

std::string SaveJob::undo() noexcept
{
    try {
        return undo_or_throw();
    } catch (const std::exception& error) {
        return format("domain %u is left suspended (xsr resume %u), since resuming it failed: %s",
                      domain_.state.id, domain_.state.id, error.what());
    }
}

std::chrono::nanoseconds SaveJob::suspended_for() const noexcept
{
    if (suspended_at_ == std::chrono::steady_clock::time_point{}) {
        return std::chrono::nanoseconds{0};
    }
    return std::chrono::steady_clock::now() - suspended_at_;
}

}  // namespace sr
