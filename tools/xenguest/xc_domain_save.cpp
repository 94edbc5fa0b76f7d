// SPDX-License-Identifier: LGPL-2.1-or-later
// xc_domain_save() on sr_save().
#include "tools/xenguest/xch.hpp"

#include <cerrno>

namespace sr::xenguest {
namespace {

/// What the operations work on.
struct Save {
    const save_callbacks& callbacks;
    const Log& log;
    bool checkpoint_failed = false;
};

Save& save_of(void* user) noexcept
{
    return *static_cast<Save*>(user);
}

/// An operation for each callback that the caller has: an absent one means something.
sr_save_ops ops_for(const save_callbacks& callbacks) noexcept
{
    sr_save_ops ops{};
    ops.size = sizeof(ops);
    ops.log = [](sr_log_level level, const char* message, void* user) {
        save_of(user).log.write(level, message);
    };
    ops.progress = [](const sr_progress* told, void* user) { save_of(user).log.progress(*told); };
    if (callbacks.suspend != nullptr) {
        ops.suspend = [](void* user) {
            const save_callbacks& theirs = save_of(user).callbacks;
            return theirs.suspend(theirs.data) != 0 ? SR_SUSPEND_DONE : SR_SUSPEND_FAILED;
        };
    }
    if (callbacks.precopy_policy != nullptr) {
        ops.precopy_policy = [](const sr_precopy_stats* stats, void* user) {
            const save_callbacks& theirs = save_of(user).callbacks;
            const int answer = theirs.precopy_policy({.iteration = stats->iteration,
                                                      .total_written = stats->total_written,
                                                      .dirty_count = stats->dirty_count},
                                                     theirs.data);
            return answer == XGS_POLICY_CONTINUE_PRECOPY ? SR_PRECOPY_CONTINUE
                   : answer == XGS_POLICY_STOP_AND_COPY  ? SR_PRECOPY_STOP
                                                         : SR_PRECOPY_ABORT;
        };
    }
    if (callbacks.postcopy != nullptr) {
        ops.postcopy = [](void* user) {
            const save_callbacks& theirs = save_of(user).callbacks;
            return theirs.postcopy(theirs.data) > 0 ? SR_POSTCOPY_DONE : SR_POSTCOPY_FAILED;
        };
    }
    if (callbacks.checkpoint != nullptr) {
        ops.checkpoint = [](void* user) {
            Save& save = save_of(user);
            const int answer = save.callbacks.checkpoint(save.callbacks.data);
            save.checkpoint_failed = answer < 0;
            return answer > 0 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
        };
    }
    if (callbacks.switch_qemu_logdirty != nullptr) {
        ops.switch_qemu_logdirty = [](std::uint32_t domid, int enable, void* user) {
            const save_callbacks& theirs = save_of(user).callbacks;
            return theirs.switch_qemu_logdirty(domid, enable != 0 ? 1U : 0U, theirs.data);
        };
    }
    return ops;
}

sr_save_options options_for(std::uint32_t flags, xc_stream_type_t stream_type) noexcept
{
    const bool live = (flags & XCFLAGS_LIVE) != 0;
    // The stock engine sends memory twice only so, and ignores the flag otherwise.
    const bool verify = (flags & XCFLAGS_DEBUG) != 0 && live && stream_type == XC_STREAM_PLAIN;
    sr_save_options options{};
    options.size = sizeof(options);
    options.flags = (live ? SR_SAVE_LIVE : 0U) | (verify ? SR_SAVE_VERIFY : 0U);
    options.stream_type = stream_type == XC_STREAM_REMUS ? SR_STREAM_REMUS : SR_STREAM_PLAIN;
    options.back_channel_fd = -1;
    return options;
}

}  // namespace
}  // namespace sr::xenguest

int xc_domain_save(xc_interface* xch, int io_fd, uint32_t dom, uint32_t flags,
                   struct save_callbacks* callbacks, xc_stream_type_t stream_type, int /*recv_fd*/)
{
    using namespace sr::xenguest;
    const Log log{xch, "Saving memory"};
    if (stream_type != XC_STREAM_PLAIN && stream_type != XC_STREAM_REMUS) {
        return log.refuse(EOPNOTSUPP, "COLO is not supported: only plain and Remus streams are");
    }
    const save_callbacks theirs = callbacks != nullptr ? *callbacks : save_callbacks{};
    Save save{theirs, log};
    sr_error error{};
    error.size = sizeof(error);
    const Host host = open_host(xch, error);
    if (!host) {
        return log.failed(error);
    }
    const sr_save_options options = options_for(flags, stream_type);
    const sr_save_ops ops = ops_for(theirs);
    if (sr_save(host.get(), dom, io_fd, &options, &ops, &save, &error) != 0) {
        return log.failed(error);
    }
    return save.checkpoint_failed ? log.refuse(ECONNABORTED, "the toolstack failed at a checkpoint")
                                  : 0;
}
