// SPDX-License-Identifier: LGPL-2.1-or-later
// stock-engine: saves and restores with libxenguest, the engine libsr is measured against, around
// our own toolstack.
//
//   stock-engine save DOMID FILE               suspends the domain, writes a bare libxc stream, destroys it
//   stock-engine restore FILE NAME KIB VCPUS   makes a domain from one, unpauses it, prints its number
//
// With --live, --verify (memory is sent twice), --checkpoints N (so many, then the stream breaks off), --colo. xenguest-engine is
// this program, too, linked against libsr-xenguest in place of libxenguest.
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
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

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

/// What was asked for.
struct Arguments {
    std::vector<const char*> words;  ///< that are no options, the verb first
    bool live = false;
    bool verify = false;
    bool colo = false;
    unsigned checkpoints = 0;

    [[nodiscard]] xc_stream_type_t stream_type() const
    {
        return colo ? XC_STREAM_COLO : checkpoints != 0 ? XC_STREAM_REMUS : XC_STREAM_PLAIN;
    }
    [[nodiscard]] std::uint32_t save_flags() const
    {
        return (live ? XCFLAGS_LIVE : 0U) | (verify ? XCFLAGS_DEBUG : 0U);
    }
};

Arguments parse(std::span<char* const> argv)
{
    Arguments arguments;
    for (std::size_t i = 1; i < argv.size(); ++i) {
        const std::string_view word = argv[i];
        if (word == "--live") {
            arguments.live = true;
        } else if (word == "--verify") {
            arguments.verify = true;
        } else if (word == "--colo") {
            arguments.colo = true;
        } else if (word == "--checkpoints" && i + 1 < argv.size()) {
            arguments.checkpoints = static_cast<unsigned>(std::stoul(argv[++i]));
        } else {
            arguments.words.push_back(argv[i]);
        }
    }
    return arguments;
}

/// What the callbacks of a save work on.
struct Suspender {
    Toolstack& toolstack;
    DomId domid;
    unsigned checkpoints_left;
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

int resume_for_stock(void* user) noexcept
{
    const auto& suspender = *static_cast<Suspender*>(user);
    try {
        suspender.toolstack.resume(suspender.domid);
        return 1;
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "stock-engine: %s\n", error.what());
        return 0;
    }
}

int checkpoint_for_stock(void* user) noexcept
{
    constexpr useconds_t life_us = 20000;  // what the guest is given before the next checkpoint
    (void)::usleep(life_us);
    return --static_cast<Suspender*>(user)->checkpoints_left != 0 ? 1 : 0;
}

void save(const Arguments& arguments)
{
    const char* const domid_text = arguments.words.at(1);
    Toolstack toolstack;
    const auto domain = toolstack.find(domid_text);
    if (!domain) {
        throw Error{Errc::usage, "no domain %s", domid_text};
    }
    const XcInterface xch = open_xc();
    const Fd file = open_file(arguments.words.at(2), O_WRONLY | O_CREAT | O_TRUNC);
    Suspender suspender{toolstack, domain->state.id, arguments.checkpoints};
    save_callbacks callbacks{};
    callbacks.suspend = &suspend_for_stock;
    callbacks.postcopy = &resume_for_stock;
    callbacks.checkpoint = &checkpoint_for_stock;
    callbacks.data = &suspender;
    if (xc_domain_save(xch.get(), file.get(), domain->state.id, arguments.save_flags(), &callbacks,
                       arguments.stream_type(), -1) != 0) {
        throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_save");
    }
    toolstack.destroy(domain->state.id);
}

/// Policies that the stream lacks stay as the hypervisor made them.
int accept_static_data(unsigned int /*missing*/, void* /*user*/) noexcept
{
    return 0;
}

/// Nothing of a toolstack's own stands behind a CHECKPOINT.
int go_on_after_checkpoint(void* /*user*/) noexcept
{
    return XGR_CHECKPOINT_SUCCESS;
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

void restore(const Arguments& arguments)
{
    const auto& words = arguments.words;
    const DomainConfig config = configure(words.at(2), words.at(3), words.at(4));
    constexpr std::uint32_t dom0 = 0;
    Toolstack toolstack;
    const XcInterface xch = open_xc();
    const Fd file = open_file(words.at(1), O_RDONLY);
    NewDomain domain{toolstack, config};
    restore_callbacks callbacks{};
    callbacks.static_data_done = &accept_static_data;
    callbacks.checkpoint = &go_on_after_checkpoint;
    unsigned long store_frame = 0;
    unsigned long console_frame = 0;
    if (xc_domain_restore(xch.get(), file.get(), domain.id(), domain.store_port(), &store_frame,
                          dom0, domain.console_port(), &console_frame, dom0,
                          arguments.stream_type(), &callbacks, -1) != 0) {
        throw Error::from_errno(Errc::hypervisor, errno, "xc_domain_restore");
    }
    domain.introduce(store_frame, console_frame);
    toolstack.control().unpause(domain.id());
    domain.keep();
    (void)std::printf("%u\n", domain.id());
}

int run(int argc, char** argv)
{
    const Arguments arguments = parse({argv, static_cast<std::size_t>(argc)});
    const std::size_t nr_words = arguments.words.size();
    const std::string_view verb = nr_words != 0 ? arguments.words[0] : "";
    if (verb == "save" && nr_words == 3) {
        save(arguments);
    } else if (verb == "restore" && nr_words == 5) {
        restore(arguments);
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
