// SPDX-License-Identifier: LGPL-2.1-or-later
// xc_domain_restore() on sr_restore().
#include "tools/xenguest/xch.hpp"

#include <cerrno>

namespace sr::xenguest {
namespace {

/// What the operations work on.
struct Restore {
    const restore_callbacks& callbacks;
    const Log& log;
    sr_restore_results results{};
};

Restore& restore_of(void* user) noexcept
{
    return *static_cast<Restore*>(user);
}

/// An operation for each callback that the caller has. Its restore_results is COLO's: others get these by pointers.
sr_restore_ops ops_for(const restore_callbacks& callbacks) noexcept
{
    static_assert(XGR_SDD_MISSING_CPUID == SR_MISSING_CPUID);
    static_assert(XGR_SDD_MISSING_MSR == SR_MISSING_MSRS);
    static_assert(XGR_CHECKPOINT_SUCCESS == SR_RESTORE_CHECKPOINT_SUCCESS);
    static_assert(XGR_CHECKPOINT_FAILOVER == SR_RESTORE_CHECKPOINT_FAILOVER);
    sr_restore_ops ops{};
    ops.size = sizeof(ops);
    ops.log = [](sr_log_level level, const char* message, void* user) {
        restore_of(user).log.write(level, message);
    };
    ops.progress = [](const sr_progress* told, void* user) {
        restore_of(user).log.progress(*told);
    };
    ops.restore_results = [](const sr_restore_results* told, void* user) {
        restore_of(user).results = *told;
    };
    if (callbacks.static_data_done != nullptr) {
        ops.static_data_done = [](std::uint32_t missing, void* user) {
            const restore_callbacks& theirs = restore_of(user).callbacks;
            return theirs.static_data_done(missing, theirs.data);
        };
    }
    if (callbacks.checkpoint != nullptr) {
        ops.checkpoint = [](void* user) {
            const restore_callbacks& theirs = restore_of(user).callbacks;
            switch (theirs.checkpoint(theirs.data)) {
            case XGR_CHECKPOINT_SUCCESS:
                return SR_RESTORE_CHECKPOINT_SUCCESS;
            case XGR_CHECKPOINT_FAILOVER:
                return SR_RESTORE_CHECKPOINT_FAILOVER;
            default:
                return SR_RESTORE_CHECKPOINT_ERROR;
            }
        };
    }
    return ops;
}

}  // namespace
}  // namespace sr::xenguest

int xc_domain_restore(xc_interface* xch, int io_fd, uint32_t dom, unsigned int store_evtchn,
                      unsigned long* store_mfn, uint32_t store_domid, unsigned int console_evtchn,
                      unsigned long* console_mfn, uint32_t console_domid,
                      xc_stream_type_t stream_type, struct restore_callbacks* callbacks,
                      int /*send_back_fd*/)
{
    using namespace sr::xenguest;
    const Log log{xch, "Restoring memory"};
    if (stream_type != XC_STREAM_PLAIN && stream_type != XC_STREAM_REMUS) {
        return log.refuse(EOPNOTSUPP, "COLO is not supported: only plain and Remus streams are");
    }
    const restore_callbacks theirs = callbacks != nullptr ? *callbacks : restore_callbacks{};
    Restore restore{theirs, log};
    sr_error error{};
    error.size = sizeof(error);
    const Host host = open_host(xch, error);
    if (!host) {
        return log.failed(error);
    }
    sr_restore_options options{};
    options.size = sizeof(options);
    options.stream_type = stream_type == XC_STREAM_REMUS ? SR_STREAM_REMUS : SR_STREAM_PLAIN;
    options.back_channel_fd = -1;
    options.store_evtchn = store_evtchn;
    options.store_domid = store_domid;
    options.console_evtchn = console_evtchn;
    options.console_domid = console_domid;
    const sr_restore_ops ops = ops_for(theirs);
    if (sr_restore(host.get(), dom, io_fd, &options, &ops, &restore, &error) != 0) {
        return log.failed(error);
    }
    *store_mfn = restore.results.store_gfn;
    *console_mfn = restore.results.console_gfn;
    return 0;
}
