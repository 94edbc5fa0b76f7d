// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of Xen's libraries that come before those of the libraries themselves, and call them.
#include "tests/system/grant_calls.hpp"

#include "libsr/xen/libraries.hpp"

#include <dlfcn.h>
#include <utility>

namespace sr::test {
namespace {

/// The function of this name that comes behind ours.
template <typename Function>
Function* next(const char* name)
{
    void* const symbol = ::dlsym(RTLD_NEXT, name);
    Function* function = nullptr;
    static_assert(sizeof(function) == sizeof(symbol));
    std::memcpy(&function, &symbol, sizeof(function));
    return function;
}

bool within =
    false;  // NOLINT: the functions below have no other place to know that a hook calls them

void run(const std::function<void()>& hook)
{
    if (hook) {
        const std::function<void()> kept = hook;  // it may take itself out
        within = true;
        kept();
        within = false;
    }
}

}  // namespace

GrantCallHooks& hooks()
{
    static GrantCallHooks the_hooks;
    return the_hooks;
}

void GrantCallHooks::forget_calls()
{
    acquired.clear();
    nr_versions = nr_sizes = nr_others = 0;
}

}  // namespace sr::test

using sr::test::hooks;
using sr::test::next;
using sr::test::run;
using sr::test::within;

// NOLINTBEGIN(readability-identifier-naming): the libraries' names
extern "C" {

xenforeignmemory_resource_handle*
xenforeignmemory_map_resource(xenforeignmemory_handle* fmem, domid_t domid, unsigned int type,
                              unsigned int id, unsigned long frame, unsigned long nr_frames,
                              void** paddr, int prot, int flags)
{
    const auto real =
        next<decltype(xenforeignmemory_map_resource)>("xenforeignmemory_map_resource");
    const bool watched = !within;
    if (watched) {
        hooks().acquired.push_back({id, frame, nr_frames});
        run([id, hook = hooks().before_acquire] { hook ? hook(id) : void(); });
        if (hooks().refuse_acquire != 0) {
            errno = hooks().refuse_acquire;
            return nullptr;
        }
    }
    auto* const handle = real(fmem, domid, type, id, frame, nr_frames, paddr, prot, flags);
    const int errnum = errno;
    if (watched) {
        run([id, hook = hooks().after_acquire] { hook ? hook(id) : void(); });
    }
    errno = errnum;
    return handle;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle* fmem,
                                    xenforeignmemory_resource_handle* handle)
{
    const int result = next<decltype(xenforeignmemory_unmap_resource)>(
        "xenforeignmemory_unmap_resource")(fmem, handle);
    if (!within) {
        run(hooks().after_release);
    }
    return result;
}

int xc_gnttab_op(xc_interface* xch, int command, void* op, int op_size, int count)
{
    if (!within) {
        if (command == GNTTABOP_get_version) {
            ++hooks().nr_versions;
            run(hooks().before_version);
        } else if (command == GNTTABOP_query_size) {
            ++hooks().nr_sizes;
        } else {
            ++hooks().nr_others;
        }
    }
    return next<decltype(xc_gnttab_op)>("xc_gnttab_op")(xch, command, op, op_size, count);
}

int xc_domain_getinfolist(xc_interface* xch, std::uint32_t first_domain, unsigned int max_domains,
                          xc_domaininfo_t* info)
{
    const int found = next<decltype(xc_domain_getinfolist)>("xc_domain_getinfolist")(
        xch, first_domain, max_domains, info);
    for (int i = 0; hooks().on_domain_flags && !within && i < found; ++i) {
        hooks().on_domain_flags(info[i].flags);
    }
    return found;
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
