// SPDX-License-Identifier: LGPL-2.1-or-later
// sr.h: the C ABI, where exceptions end and structs of all ages are read.
#include "libsr/base/cancel.hpp"
#include "libsr/base/fd_io.hpp"
#include "libsr/capi_callers.hpp"
#include "libsr/capi_grants.hpp"
#include "libsr/capi_structs.hpp"
#include "libsr/restore/restore.hpp"
#include "libsr/save/save.hpp"
#include "libsr/xen/host.hpp"
#include "sr.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

struct sr_host {
    sr::Host host;
};

struct sr_job {
    sr::CancelToken token;
};

namespace sr {
namespace {

sr_error_class class_of(Errc code) noexcept
{
    switch (code) {
    case Errc::malformed:
        return SR_ERROR_MALFORMED;
    case Errc::unsupported:
        return SR_ERROR_UNSUPPORTED;
    case Errc::limit:
        return SR_ERROR_LIMIT;
    case Errc::guest:
        return SR_ERROR_GUEST;
    case Errc::mismatch:
        return SR_ERROR_MISMATCH;
    case Errc::hypervisor:
        return SR_ERROR_HYPERVISOR;
    case Errc::io:
        return SR_ERROR_IO;
    case Errc::cancelled:
        return SR_ERROR_CANCELLED;
    case Errc::callback:
        return SR_ERROR_CALLBACK;
    case Errc::usage:
        return SR_ERROR_USAGE;
    case Errc::internal:
        return SR_ERROR_INTERNAL;
    }
    return SR_ERROR_INTERNAL;
}

template <std::size_t N>
void copy_text(char (&to)[N], const char* text) noexcept
{
    const std::size_t length = std::min(std::strlen(text), N - 1);
    std::memcpy(to, text, length);
    to[length] = '\0';
}

sr_error empty_error() noexcept
{
    sr_error error{};
    error.size = sizeof(error);
    error.record = error.offset = error.pfn = SR_NONE;
    return error;
}

sr_error describe(const Error& error) noexcept
{
    sr_error described = empty_error();
    described.error_class = class_of(error.code());
    described.errnum = error.errnum();
    described.pfn = error.pfn().value_or(SR_NONE);
    if (error.place()) {
        described.record = error.place()->record;
        described.record_type = error.place()->type;
        described.offset = error.place()->offset;
    }
    copy_text(described.call, error.call().c_str());
    copy_text(described.message, error.what());
    return described;
}

sr_error describe(sr_error_class error_class, int errnum, const char* message) noexcept
{
    sr_error described = empty_error();
    described.error_class = error_class;
    described.errnum = errnum;
    copy_text(described.message, message);
    return described;
}

/// Runs fn for a C caller: 0, or -1 with errno set and *error filled in. Nothing may throw across.
/// @param holder  who holds the guest if fn fails: asked only then
template <typename Fn, typename Holder>
[[nodiscard]] int guarded(sr_error* error, Fn&& fn, Holder&& holder) noexcept
{
    sr_error failure = empty_error();
    int errnum = EIO;
    try {
        std::forward<Fn>(fn)();
        return 0;
    } catch (const Error& e) {
        failure = describe(e);
        errnum = e.to_errno();
    } catch (const std::bad_alloc&) {
        errnum = ENOMEM;
        failure = describe(SR_ERROR_NO_MEMORY, errnum, "out of memory");
    } catch (const std::exception& e) {
        failure = describe(SR_ERROR_INTERNAL, 0, e.what());
    }
    failure.guest = holder();
    give_struct(error, failure);
    errno = errnum;  // last, because what came before may change it
    return -1;
}

constexpr auto untouched = [] { return SR_GUEST_UNTOUCHED; };

void refuse_unbuilt(const sr_restore_options& options)
{
    if (options.flags != 0) {
        throw Error{Errc::unsupported, "unknown restore flags %#x", options.flags};
    }
}

/// A pointer that a caller must give. @throws Error{usage} if it is null
template <typename T>
[[nodiscard]] T& required(T* pointer, const char* name)
{
    if (pointer == nullptr) {
        throw Error{Errc::usage, "%s is NULL", name};
    }
    return *pointer;
}

/// The token of a job, which may be null.
/// @throws Error{cancelled} if the job was cancelled before it began: nothing is to be done then
const CancelToken* token_of(const sr_job* job)
{
    if (job == nullptr) {
        return nullptr;
    }
    job->token.check();
    return &job->token;
}

std::uint32_t checked_domid(std::uint32_t domid, const char* name)
{
    constexpr std::uint32_t first_reserved = 0x7ff0;  // DOMID_FIRST_RESERVED of public/xen.h
    if (domid >= first_reserved) {
        throw Error{Errc::usage, "%s %#x is no domain's number", name, domid};
    }
    return domid;
}

StaleTypes stale_types_of(sr_stale_types choice)
{
    switch (choice) {
    case SR_STALE_TYPES_AUTO:
        return StaleTypes::automatic;
    case SR_STALE_TYPES_ON:
        return StaleTypes::on;
    case SR_STALE_TYPES_OFF:
        return StaleTypes::off;
    }
    throw Error{Errc::usage, "stale_types: %d is no choice", static_cast<int>(choice)};
}

std::optional<GrantVersion> max_grant_version_of(std::uint32_t number)
{
    const auto version = grant_version_of(number);
    if (number != 0 && !version) {
        throw Error{Errc::usage, "max_grant_version: %u is no version of grant tables", number};
    }
    return version;
}

/// @throws Error{usage} if a checkpointed stream lacks an operation that it needs
StreamKind kind_of(sr_stream_type type, const sr_save_ops& ops)
{
    switch (type) {
    case SR_STREAM_PLAIN:
        return StreamKind::plain;
    case SR_STREAM_REMUS:
        if (ops.suspend == nullptr || ops.postcopy == nullptr || ops.checkpoint == nullptr) {
            throw Error{Errc::usage,
                        "a checkpointed save needs the operations suspend, postcopy and "
                        "checkpoint"};
        }
        return StreamKind::checkpointed;
    case SR_STREAM_COLO:
        throw Error{Errc::unsupported, "COLO is not supported: only plain and Remus streams are"};
    }
    throw Error{Errc::usage, "stream_type: %d is none", static_cast<int>(type)};
}

SaveSettings settings_of(const sr_save_options& options, const sr_save_ops& ops)
{
    constexpr std::uint32_t known = SR_SAVE_LIVE | SR_SAVE_VERIFY | SR_SAVE_GRANTS;
    if ((options.flags & ~known) != 0) {
        throw Error{Errc::unsupported, "unknown save flags %#x", options.flags & ~known};
    }
    const bool grants = (options.flags & SR_SAVE_GRANTS) != 0;
    const bool verify = (options.flags & SR_SAVE_VERIFY) != 0;
    const StreamKind kind = kind_of(options.stream_type, ops);
    if (verify && kind == StreamKind::checkpointed) {
        throw Error{Errc::usage, "memory is sent twice, to be compared, in plain streams only"};
    }
    if (grants && kind == StreamKind::checkpointed) {
        throw Error{Errc::usage,
                    "a checkpointed stream cannot hold the grant table: readers of such "
                    "streams refuse records that they do not know"};
    }
    return {.stale_types = stale_types_of(options.stale_types),
            .live = (options.flags & SR_SAVE_LIVE) != 0,
            .verify = verify,
            .kind = kind,
            .grants = grants,
            .max_grant_version = max_grant_version_of(options.max_grant_version)};
}

StreamKind kind_of(const sr_restore_options& options, const sr_restore_ops& ops)
{
    switch (options.stream_type) {
    case SR_STREAM_PLAIN:
        return StreamKind::plain;
    case SR_STREAM_REMUS:
        (void)required(ops.checkpoint, "sr_restore_ops.checkpoint");
        return StreamKind::checkpointed;
    case SR_STREAM_COLO:
        throw Error{Errc::unsupported, "COLO is not supported: only plain and Remus streams are"};
    }
    throw Error{Errc::usage, "stream_type: %d is none", static_cast<int>(options.stream_type)};
}

RestoreSettings settings_of(const sr_restore_options& options, const sr_restore_ops& ops)
{
    return {
        .stream = kind_of(options, ops),
        .store = {options.store_evtchn, checked_domid(options.store_domid, "store_domid")},
        .console = {options.console_evtchn, checked_domid(options.console_domid, "console_domid")},
        .max_grant_version = max_grant_version_of(options.max_grant_version)};
}

}  // namespace
}  // namespace sr

const char* sr_version(void)
{
    return PACKAGE_VERSION;
}

const char* sr_error_class_name(enum sr_error_class error_class)
{
    switch (error_class) {
    case SR_ERROR_NONE:
        return "none";
    case SR_ERROR_NO_MEMORY:
        return "no-memory";
    default:
        break;
    }
    constexpr sr::Errc codes[] = {sr::Errc::malformed, sr::Errc::unsupported, sr::Errc::limit,
                                  sr::Errc::guest,     sr::Errc::mismatch,    sr::Errc::hypervisor,
                                  sr::Errc::io,        sr::Errc::cancelled,   sr::Errc::callback,
                                  sr::Errc::usage,     sr::Errc::internal};
    const auto* const found = std::find_if(std::begin(codes), std::end(codes), [=](sr::Errc code) {
        return sr::class_of(code) == error_class;
    });
    return found != std::end(codes) ? sr::to_string(*found) : "unknown";
}

int sr_host_open(const struct sr_host_options* options, sr_host** host, struct sr_error* error)
{
    return sr::guarded(
        error,
        [&] {
            const auto ours = sr::take_struct(options, "sr_host_options");
            auto& opened = sr::required(host, "host");
            opened = nullptr;
            opened = new sr_host{sr::Host{ours.xch, ours.fmem}};
        },
        sr::untouched);
}

void sr_host_close(sr_host* host)
{
    delete host;
}

sr_job* sr_job_new(void)
{
    sr_job* job = nullptr;
    return sr::guarded(
               nullptr, [&] { job = new sr_job; }, sr::untouched) == 0
               ? job
               : nullptr;
}

void sr_job_free(sr_job* job)
{
    delete job;
}

void sr_cancel(sr_job* job)
{
    if (job != nullptr) {
        job->token.cancel();
    }
}

int sr_save(sr_host* host, uint32_t domid, int fd, const struct sr_save_options* options,
            const struct sr_save_ops* ops, void* user, struct sr_error* error)
{
    sr_guest_holder holder = SR_GUEST_UNTOUCHED;
    return sr::guarded(
        error,
        [&] {
            const auto our_options = sr::take_struct(options, "sr_save_options");
            if (our_options.reserved != 0) {
                throw sr::Error{sr::Errc::unsupported, "sr_save_options.reserved is not 0"};
            }
            const auto our_ops = sr::take_struct(ops, "sr_save_ops");
            const sr::SaveSettings settings = sr::settings_of(our_options, our_ops);
            const sr::CancelToken* token = sr::token_of(our_options.job);
            sr::CallbackLogger log{our_ops.log, user};
            sr::SaveOps caller{our_ops, user, token, holder};
            sr::FdSink sink{fd, token};
            sr::save_domain(sr::required(host, "host").host, domid, sink, settings, caller, log);
        },
        [&] { return holder; });
}

int sr_grant_table_read(sr_host* host, uint32_t domid, uint32_t flags,
                        struct sr_grant_table** table, struct sr_error* error)
{
    return sr::guarded(
        error,
        [&] {
            auto& read = sr::required(table, "table");
            read = nullptr;
            read = sr::read_grants(sr::required(host, "host").host, domid, flags);
        },
        sr::untouched);
}

void sr_grant_table_free(struct sr_grant_table* table)
{
    sr::free_grants(table);
}

int sr_restore(sr_host* host, uint32_t domid, int fd, const struct sr_restore_options* options,
               const struct sr_restore_ops* ops, void* user, struct sr_error* error)
{
    bool begun = false;
    return sr::guarded(
        error,
        [&] {
            const auto our_options = sr::take_struct(options, "sr_restore_options");
            const auto our_ops = sr::take_struct(ops, "sr_restore_ops");
            sr::refuse_unbuilt(our_options);
            sr::CallbackLogger log{our_ops.log, user};
            sr::RestoreOps caller{our_ops, user, begun};
            sr::FdSource source{fd, sr::token_of(our_options.job)};
            const sr::RestoreResults results =
                sr::restore_domain(sr::required(host, "host").host, domid, source,
                                   sr::settings_of(our_options, our_ops), caller, log);
            if (our_ops.restore_results != nullptr) {
                const sr_restore_results told{sizeof(told), results.store_gfn, results.console_gfn};
                our_ops.restore_results(&told, user);
            }
        },
        [&] { return begun ? SR_GUEST_IN_STREAM : SR_GUEST_UNTOUCHED; });
}
