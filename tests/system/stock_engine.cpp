// SPDX-License-Identifier: LGPL-2.1-or-later
// stock-engine: saves and restores with libxenguest, the engine libsr is measured against, around
// our own toolstack.
//
//   stock-engine save DOMID FILE                    suspends the domain, writes a bare libxc
//   stream, destroys it stock-engine restore FILE NAME KIB VCPUS        makes a domain from one,
//   unpauses it, prints its number
#include "libsr/base/error.hpp"
#include "libsr/base/fd.hpp"
#include "tools/toolstack/create.hpp"
#include "tools/toolstack/suspend.hpp"

extern "C" {  // they do not say so themselves
#include <xenctrl.h>
#include <xenguest.h>
}

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>

namespace sr {
namespace {

using XcInterface = std::unique_ptr<xc_interface, decltype(&xc_interface_close)>;

XcInterface open_xc()
{
    XcInterface xch{xc_interface_open(nullptr, nullptr, 0), &xc_interface_close};
    if (!xch) {
        throw Error::from_errno(Errc::hypervisor, errno, "xc_interface_open");
    }
    return xch;
}

Fd open_file(const char* path, int flags)
{
    Fd fd{::open(path, flags | O_CLOEXEC, 0600)};
    if (fd.get() < 0) {
        throw Error::from_errno(Errc::io, errno, "%s", path);
    }
    return fd;
}

/// What the suspend callback of the stock engine works on.
struct Suspender {
    Toolstack& toolstack;
    DomId domid;
};

/// Called by C code: nothing may be thrown through it.
int suspend_for_stock(void* user) noexcept
{
    const auto& suspender = *static_cast<Suspender*>(user);
    try {
        const auto state = suspender.toolstack.control().state_of(suspender.domid);
        if (!state || !state->is_suspended()) {
            suspend_domain(suspender.toolstack, suspender.domid, {});
        }
        return 1;
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "stock-engine: %s\n", error.what());
        return 0;
    }
}

void save(const char* domid_text, const char* path)
{
    Toolstack toolstack;
    const auto domain = toolstack.find(domid_text);
    if (!domain) {
        throw Error{Errc::usage, "no domain %s", domid_text};
    }
    const XcInterface xch = open_xc();
    const Fd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    Suspender suspender{toolstack, domain->state.id};
    save_callbacks callbacks{};
    callbacks.suspend = &suspend_for_stock;
    callbacks.data = &suspender;
    if (xc_domain_save(xch.get(), file.get(), domain->state.id, 0, &callbacks, XC_STREAM_PLAIN,
                       -1) != 0) {
        throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_save");
    }
    toolstack.destroy(domain->state.id);
}

/// Policies that the stream lacks stay as the hypervisor made them.
int accept_static_data(unsigned int /*missing*/, void* /*user*/) noexcept
{
    return 0;
}

DomainConfig configure(const char* name, const char* kib_text, const char* vcpus_text)
{
    DomainConfig config;
    config.name = name;
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = std::stoull(kib_text);
    config.max_vcpus = static_cast<unsigned>(std::stoul(vcpus_text));
    config.vcpu_online.assign(config.max_vcpus, true);
    return config;
}

void restore(const char* path, const DomainConfig& config)
{
    constexpr std::uint32_t dom0 = 0;
    Toolstack toolstack;
    const XcInterface xch = open_xc();
    const Fd file = open_file(path, O_RDONLY);
    NewDomain domain{toolstack, config};
    restore_callbacks callbacks{};
    callbacks.static_data_done = &accept_static_data;
    unsigned long store_frame = 0;
    unsigned long console_frame = 0;
    if (xc_domain_restore(xch.get(), file.get(), domain.id(), domain.store_port(), &store_frame,
                          dom0, domain.console_port(), &console_frame, dom0, XC_STREAM_PLAIN,
                          &callbacks, -1) != 0) {
        throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_restore");
    }
    domain.introduce(store_frame, console_frame);
    toolstack.control().unpause(domain.id());
    domain.keep();
    (void)std::printf("%u\n", domain.id());
}

int run(int argc, char** argv)
{
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "save" && argc == 4) {
        save(argv[2], argv[3]);
    } else if (verb == "restore" && argc == 6) {
        restore(argv[2], configure(argv[3], argv[4], argv[5]));
    } else {
        (void)std::fputs("usage: stock-engine save DOMID FILE | restore FILE NAME KIB VCPUS\n",
                         stderr);
        return 2;
    }
    return 0;
}

}  // namespace
}  // namespace sr

int main(int argc, char** argv)
{
    try {
        return sr::run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "stock-engine: %s\n", error.what());
        return 1;
    }
}
