// SPDX-License-Identifier: LGPL-2.1-or-later
// The fake libxenstore.so.4: the functions of xenstore.h over a fakexen host.
#include "tests/fakexen/store/lib/connection.hpp"
#include "tests/fakexen/store/lib/strings.hpp"
#include "tests/fakexen/store/xenstore.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>

using fakexen::store::allocated;
using fakexen::store::join_strings;
using fakexen::store::split_strings;

namespace {

/// Runs fn for a C caller. What it throws (no memory) is failure and ENOMEM.
template <typename Result, typename Fn>
Result guarded(Result failure, Fn&& fn) noexcept
{
    try {
        return fn();
    } catch (const std::exception&) {
        errno = ENOMEM;
        return failure;
    }
}

/// A request whose reply says nothing more.
bool acknowledged(xs_handle* h, std::uint32_t type, xs_transaction_t t, const std::string& payload)
{
    return h->ask(type, t, payload).has_value();
}

bool about_domains(xs_handle* h, std::uint32_t type,
                   const std::vector<std::string>& arguments) noexcept
{
    return guarded(false, [&] { return acknowledged(h, type, XBT_NULL, join_strings(arguments)); });
}

/// All names of a directory that one reply does not hold. Starts again when it changes on the way.
std::optional<std::string> directory_in_parts(xs_handle* h, xs_transaction_t t, const char* path)
{
    std::string names;
    std::string generation;
    for (;;) {
        const auto part =
            h->ask(XS_DIRECTORY_PART, t, join_strings({path, std::to_string(names.size())}));
        if (!part) {
            return {};
        }
        const std::string seen = part->c_str();
        if (!names.empty() && seen != generation) {
            names.clear();
            continue;
        }
        generation = seen;
        names += part->substr(seen.size() + 1);
        if (names.size() == 1 || (names.size() > 1 && names[names.size() - 2] == '\0')) {
            names.pop_back();
            return names;
        }
    }
}

}  // namespace

extern "C" {

struct xs_handle* xs_open(unsigned long flags)
{
    return guarded<xs_handle*>(
        nullptr, [&] { return xs_handle::open((flags & XS_UNWATCH_FILTER) != 0).release(); });
}

struct xs_handle* xs_daemon_open(void)
{
    return xs_open(0);
}
struct xs_handle* xs_domain_open(void)
{
    return xs_open(0);
}
struct xs_handle* xs_daemon_open_readonly(void)
{
    return xs_open(XS_OPEN_READONLY);
}

void xs_close(struct xs_handle* h)
{
    delete h;
}

void xs_daemon_close(struct xs_handle* h)
{
    xs_close(h);
}
void xs_daemon_destroy_postfork(struct xs_handle* h)
{
    xs_close(h);
}

char** xs_directory(struct xs_handle* h, xs_transaction_t t, const char* path, unsigned int* num)
{
    return guarded<char**>(nullptr, [&]() -> char** {
        auto names = h->ask(XS_DIRECTORY, t, join_strings({path}));
        if (!names && errno == E2BIG) {
            names = directory_in_parts(h, t, path);
        }
        if (!names) {
            return nullptr;
        }
        const auto list = split_strings(*names);
        *num = static_cast<unsigned>(list.size());
        return allocated(list);
    });
}

void* xs_read(struct xs_handle* h, xs_transaction_t t, const char* path, unsigned int* len)
{
    return guarded<void*>(nullptr, [&]() -> void* {
        const auto value = h->ask(XS_READ, t, join_strings({path}));
        if (!value) {
            return nullptr;
        }
        if (len != nullptr) {
            *len = static_cast<unsigned>(value->size());
        }
        return allocated(*value);
    });
}

bool xs_write(struct xs_handle* h, xs_transaction_t t, const char* path, const void* data,
              unsigned int len)
{
    return guarded(false, [&] {
        const std::string value{static_cast<const char*>(data), len};
        return acknowledged(h, XS_WRITE, t, join_strings({path}) + value);
    });
}

bool xs_mkdir(struct xs_handle* h, xs_transaction_t t, const char* path)
{
    return guarded(false, [&] { return acknowledged(h, XS_MKDIR, t, join_strings({path})); });
}

bool xs_rm(struct xs_handle* h, xs_transaction_t t, const char* path)
{
    return guarded(false, [&] { return acknowledged(h, XS_RM, t, join_strings({path})); });
}

bool xs_restrict(struct xs_handle*, unsigned)
{
    return false;
}

struct xs_permissions* xs_get_permissions(struct xs_handle* h, xs_transaction_t t, const char* path,
                                          unsigned int* num)
{
    return guarded<xs_permissions*>(nullptr, [&]() -> xs_permissions* {
        const auto texts = h->ask(XS_GET_PERMS, t, join_strings({path}));
        if (!texts) {
            return nullptr;
        }
        *num = static_cast<unsigned>(split_strings(*texts).size());
        auto* const perms =
            static_cast<xs_permissions*>(std::calloc(*num + 1, sizeof(xs_permissions)));
        if (perms == nullptr || !xs_strings_to_perms(perms, *num, texts->c_str())) {
            std::free(perms);
            return nullptr;
        }
        return perms;
    });
}

bool xs_set_permissions(struct xs_handle* h, xs_transaction_t t, const char* path,
                        struct xs_permissions* perms, unsigned int num_perms)
{
    return guarded(false, [&] {
        std::vector<std::string> arguments{path};
        for (unsigned n = 0; n < num_perms; ++n) {
            const unsigned both = perms[n].perms & (XS_PERM_READ | XS_PERM_WRITE);
            arguments.push_back("nrwb"[both] + std::to_string(perms[n].id));
        }
        return acknowledged(h, XS_SET_PERMS, t, join_strings(arguments));
    });
}

bool xs_watch(struct xs_handle* h, const char* path, const char* token)
{
    return guarded(false, [&] {
        return acknowledged(h, XS_WATCH, XBT_NULL, join_strings({path, token}));
    });
}

int xs_fileno(struct xs_handle* h)
{
    return h->event_fd();
}

char** xs_check_watch(struct xs_handle* h)
{
    return guarded<char**>(nullptr, [&]() -> char** {
        const auto event = h->check_event();
        return event ? allocated(std::vector{event->path, event->token}) : nullptr;
    });
}

char** xs_read_watch(struct xs_handle* h, unsigned int* num)
{
    return guarded<char**>(nullptr, [&]() -> char** {
        const auto event = h->wait_event();
        *num = event ? 2 : 0;
        return event ? allocated(std::vector{event->path, event->token}) : nullptr;
    });
}

bool xs_unwatch(struct xs_handle* h, const char* path, const char* token)
{
    return guarded(false, [&] {
        const bool done = acknowledged(h, XS_UNWATCH, XBT_NULL, join_strings({path, token}));
        h->drop_events(path, token);
        return done;
    });
}

xs_transaction_t xs_transaction_start(struct xs_handle* h)
{
    return guarded<xs_transaction_t>(XBT_NULL, [&]() -> xs_transaction_t {
        const auto id = h->ask(XS_TRANSACTION_START, XBT_NULL, std::string(1, '\0'));
        return id ? static_cast<xs_transaction_t>(std::strtoul(id->c_str(), nullptr, 10))
                  : XBT_NULL;
    });
}

bool xs_transaction_end(struct xs_handle* h, xs_transaction_t t, bool abort)
{
    return guarded(false, [&] {
        return acknowledged(h, XS_TRANSACTION_END, t, join_strings({abort ? "F" : "T"}));
    });
}

bool xs_introduce_domain(struct xs_handle* h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn)
{
    return about_domains(h, XS_INTRODUCE,
                         {std::to_string(domid), std::to_string(mfn), std::to_string(eventchn)});
}

bool xs_set_target(struct xs_handle* h, unsigned int domid, unsigned int target)
{
    return about_domains(h, XS_SET_TARGET, {std::to_string(domid), std::to_string(target)});
}

bool xs_resume_domain(struct xs_handle* h, unsigned int domid)
{
    return about_domains(h, XS_RESUME, {std::to_string(domid)});
}

bool xs_release_domain(struct xs_handle* h, unsigned int domid)
{
    return about_domains(h, XS_RELEASE, {std::to_string(domid)});
}

char* xs_get_domain_path(struct xs_handle* h, unsigned int domid)
{
    return guarded<char*>(nullptr, [&]() -> char* {
        const auto path =
            h->ask(XS_GET_DOMAIN_PATH, XBT_NULL, join_strings({std::to_string(domid)}));
        return path ? allocated(path->c_str()) : nullptr;
    });
}

bool xs_is_domain_introduced(struct xs_handle* h, unsigned int domid)
{
    return guarded(false, [&] {
        const auto answer =
            h->ask(XS_IS_DOMAIN_INTRODUCED, XBT_NULL, join_strings({std::to_string(domid)}));
        return answer && answer->starts_with('T');
    });
}

char* xs_control_command(struct xs_handle* h, const char* cmd, void* data, unsigned int len)
{
    return guarded<char*>(nullptr, [&]() -> char* {
        const std::string rest{static_cast<const char*>(data), data == nullptr ? 0 : len};
        const auto answer = h->ask(XS_CONTROL, XBT_NULL, join_strings({cmd}) + rest);
        return answer ? allocated(answer->c_str()) : nullptr;
    });
}

char* xs_debug_command(struct xs_handle* h, const char* cmd, void* data, unsigned int len)
{
    return xs_control_command(h, cmd, data, len);
}

int xs_suspend_evtchn_port(int domid)
{
    char path[64];
    (void)std::snprintf(path, sizeof path, "/local/domain/%d/device/suspend/event-channel", domid);
    xs_handle* const h = xs_open(0);
    if (h == nullptr) {
        return -1;
    }
    unsigned length = 0;
    void* const text = xs_read(h, XBT_NULL, path, &length);
    xs_close(h);
    const int port =
        text == nullptr || length == 0
            ? -1
            : static_cast<int>(std::strtol(static_cast<const char*>(text), nullptr, 10));
    std::free(text);
    return port;
}

}  // extern "C"
