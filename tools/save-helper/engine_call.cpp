// SPDX-License-Identifier: LGPL-2.1-or-later
// Each operation that libxl provides is a message; one that it does not provide is absent.
#include "tools/save-helper/engine_call.hpp"

namespace sr {
namespace {

constexpr std::uint32_t flag_live = 1U << 0U;   // XCFLAGS_LIVE
constexpr std::uint32_t flag_debug = 1U << 1U;  // XCFLAGS_DEBUG
constexpr std::uint32_t stock_max_rounds = 5;
constexpr std::uint64_t stock_dirty_threshold = 50;

EngineCall& call_of(void* user)
{
    return *static_cast<EngineCall*>(user);
}

/// Asks libxl, noting that it was asked.
template <typename Make>
int ask(void* user, int if_gone, Make&& make) noexcept
{
    EngineCall& call = call_of(user);
    call.has_asked_libxl = true;
    try {
        return call.libxl.ask(make(), if_gone);
    } catch (const std::bad_alloc&) {
        return if_gone;
    }
}

int ask(void* user, HelperMessage question) noexcept
{
    return ask(user, 0, [=] { return bare_message(question); });
}

void log(sr_log_level level, const char* message, void* user)
{
    if (level != SR_LOG_ERROR) {  // comes back as the sr_error of the call, with its place
        call_of(user).relay.log(level, message);
    }
}

void progress(const sr_progress* progress, void* user)
{
    call_of(user).relay.progress(*progress);
}

sr_checkpoint_result wait_checkpoint(void* user)
{
    return ask(user, HelperMessage::wait_checkpoint) > 0 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
}

sr_postcopy_result postcopy(void* user)
{
    return ask(user, HelperMessage::postcopy) > 0 ? SR_POSTCOPY_DONE : SR_POSTCOPY_FAILED;
}

sr_suspend_result suspend(void* user)
{
    return ask(user, HelperMessage::suspend) != 0 ? SR_SUSPEND_DONE : SR_SUSPEND_FAILED;
}

sr_checkpoint_result checkpoint_of_save(void* user)
{
    return ask(user, HelperMessage::checkpoint) > 0 ? SR_CHECKPOINT_AGAIN : SR_CHECKPOINT_STOP;
}

int switch_qemu_logdirty(std::uint32_t domid, int enable, void* user)
{
    return ask(user, -1, [=] { return switch_qemu_logdirty_message(domid, enable != 0); });
}

sr_precopy_decision precopy_policy(const sr_precopy_stats* stats, void* user)
{
    return decide_precopy(*stats, call_of(user).settings);
}

sr_restore_checkpoint_result checkpoint_of_restore(void* user)
{
    switch (ask(user, HelperMessage::checkpoint)) {
    case SR_RESTORE_CHECKPOINT_SUCCESS:
        return SR_RESTORE_CHECKPOINT_SUCCESS;
    case SR_RESTORE_CHECKPOINT_FAILOVER:
        return SR_RESTORE_CHECKPOINT_FAILOVER;
    default:
        return SR_RESTORE_CHECKPOINT_ERROR;
    }
}

int static_data_done(std::uint32_t missing, void* user)
{
    return ask(user, -1, [=] { return static_data_done_message(missing); });
}

/// What both tables of operations have.
template <typename Ops>
Ops common_ops(const EngineCall& call)
{
    Ops ops{};
    ops.size = sizeof(ops);
    ops.log = &log;
    ops.progress = &progress;
    const Invocation& asked = call.asked;
    ops.suspend = asked.provides(HelperMessage::suspend) ? &suspend : nullptr;
    ops.postcopy = asked.provides(HelperMessage::postcopy) ? &postcopy : nullptr;
    ops.wait_checkpoint =
        asked.provides(HelperMessage::wait_checkpoint) ? &wait_checkpoint : nullptr;
    return ops;
}

sr_save_ops save_ops(const EngineCall& call)
{
    auto ops = common_ops<sr_save_ops>(call);
    const Invocation& asked = call.asked;
    ops.checkpoint = asked.provides(HelperMessage::checkpoint) ? &checkpoint_of_save : nullptr;
    ops.switch_qemu_logdirty =
        asked.provides(HelperMessage::switch_qemu_logdirty) ? &switch_qemu_logdirty : nullptr;
    const bool has_policy = call.settings.max_rounds || call.settings.dirty_threshold;
    ops.precopy_policy = has_policy ? &precopy_policy : nullptr;
    return ops;
}

sr_restore_ops restore_ops(const EngineCall& call)
{
    auto ops = common_ops<sr_restore_ops>(call);
    const Invocation& asked = call.asked;
    ops.checkpoint = asked.provides(HelperMessage::checkpoint) ? &checkpoint_of_restore : nullptr;
    ops.static_data_done =
        asked.provides(HelperMessage::static_data_done) ? &static_data_done : nullptr;
    ops.restore_results = [](const sr_restore_results* results, void* user) {
        call_of(user).results = *results;
    };
    return ops;
}

}  // namespace

sr_precopy_decision decide_precopy(const sr_precopy_stats& stats, const Settings& settings) noexcept
{
    const auto few =
        static_cast<std::int64_t>(settings.dirty_threshold.value_or(stock_dirty_threshold));
    const bool is_quiet = stats.dirty_count >= 0 && stats.dirty_count < few;
    const bool is_late = stats.iteration >= settings.max_rounds.value_or(stock_max_rounds);
    return is_quiet || is_late ? SR_PRECOPY_STOP : SR_PRECOPY_CONTINUE;
}

int save(sr_host* host, EngineCall& call, sr_error& error)
{
    const Invocation& asked = call.asked;
    const bool live = (asked.save_flags & flag_live) != 0;
    // The stock engine sends memory twice only so, and ignores the flag otherwise.
    const bool verify =
        (asked.save_flags & flag_debug) != 0 && live && asked.stream_type == SR_STREAM_PLAIN;
    sr_save_options options{};
    options.size = sizeof(options);
    options.flags = (live ? SR_SAVE_LIVE : 0U) | (verify ? SR_SAVE_VERIFY : 0U);
    options.stream_type = static_cast<sr_stream_type>(asked.stream_type);
    options.job = call.job;
    options.back_channel_fd = asked.back_channel_fd;
    options.stale_types = call.settings.stale_types;
    options.max_grant_version = call.settings.max_grant_version;
    if (call.settings.grants && asked.stream_type == SR_STREAM_PLAIN) {
        options.flags |= SR_SAVE_GRANTS;
    } else if (call.settings.grants) {
        call.relay.log(SR_LOG_INFO,
                       "a checkpointed stream holds no grant table: its readers would refuse it");
    }
    const sr_save_ops ops = save_ops(call);
    return sr_save(host, asked.domid, asked.io_fd, &options, &ops, &call, &error);
}

int restore(sr_host* host, EngineCall& call, sr_error& error)
{
    const Invocation& asked = call.asked;
    sr_restore_options options{};
    options.size = sizeof(options);
    options.stream_type = static_cast<sr_stream_type>(asked.stream_type);
    options.job = call.job;
    options.back_channel_fd = asked.back_channel_fd;
    options.store_evtchn = asked.store_evtchn;
    options.store_domid = asked.store_domid;
    options.console_evtchn = asked.console_evtchn;
    options.console_domid = asked.console_domid;
    options.max_grant_version = call.settings.max_grant_version;
    const sr_restore_ops ops = restore_ops(call);
    return sr_restore(host, asked.domid, asked.io_fd, &options, &ops, &call, &error);
}

}  // namespace sr
