// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations sr_restore asks for.
#include "tools/xsr/restore_job.hpp"

namespace sr {

void RestoreJob::run(sr_host* host, NewDomain& domain, int fd)
{
    sr_restore_options options{};
    options.size = sizeof(options);
    options.job = interrupt_.job();
    options.back_channel_fd = -1;
    options.store_evtchn = domain.store_port();
    options.console_evtchn = domain.console_port();
    options.max_grant_version = domain.max_grant_version();
    sr_restore_ops ops{};
    ops.size = sizeof(ops);
    ops.restore_results = [](const sr_restore_results* results, void* user) {
        static_cast<RestoreJob*>(user)->results_ = *results;
    };
    ops.log = [](sr_log_level level, const char* message, void* user) {
        quietly([&] { log_to(static_cast<RestoreJob*>(user)->console_, level, message); });
    };
    ops.progress = [](const sr_progress* progress, void* user) {
        quietly([&] { static_cast<RestoreJob*>(user)->meter_.update(*progress); });
    };
    sr_error error = empty_error();
    if (sr_restore(host, domain.id(), fd, &options, &ops, this, &error) != 0) {
        throw EngineFailure{error};
    }
    if (!results_) {
        throw Error{Errc::internal, "the engine did not say where the guest's rings are"};
    }
}

void RestoreJob::introduce(NewDomain& domain) const
{
    domain.introduce(results_->store_gfn, results_->console_gfn);
}

}  // namespace sr
