// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening the hypervisor's libraries.
#include "libsr/xen/host.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <cerrno>

namespace sr {

/// libxenctrl logs failures that we report, or expect, ourselves: its own words go nowhere.
struct Host::QuietLogger {
    // The library casts back and forth by this being the first member.
    xentoollog_logger base{};

    QuietLogger() noexcept
    {
        base.vmessage = [](xentoollog_logger*, xentoollog_level, int, const char*, const char*,
                           va_list) {};
        base.progress = [](xentoollog_logger*, const char*, const char*, int, unsigned long,
                           unsigned long) {};
        base.destroy = [](xentoollog_logger*) {};
    }
};

Host::Host(xc_interface_core* xch, xenforeignmemory_handle* fmem)
    : logger_{std::make_unique<QuietLogger>()}, xch_{xch}, fmem_{fmem}
{
    if (xch_ == nullptr) {
        xch_ = xc_interface_open(&logger_->base, &logger_->base, 0);
        if (xch_ == nullptr) {
            throw call_failed("xc_interface_open", errno, "no hypervisor here");
        }
        owns_xch_ = true;
    }
    if (fmem_ == nullptr) {
        fmem_ = xenforeignmemory_open(&logger_->base, 0);
        owns_fmem_ = fmem_ != nullptr;
    }
    if (fmem_ == nullptr) {
        const int saved = errno;
        if (owns_xch_) {
            xc_interface_close(xch_);
        }
        throw call_failed("xenforeignmemory_open", saved, "no access to guest memory");
    }
}

Host::~Host()
{
    if (owns_fmem_) {
        xenforeignmemory_close(fmem_);
    }
    if (owns_xch_) {
        xc_interface_close(xch_);
    }
}

xencall_handle* Host::xcall() const noexcept
{
    return xc_interface_xcall_handle(xch_);
}

std::optional<bool> Host::offers_grant_v2() const
{
    xc_physinfo_t info{};
    if (xc_physinfo(xch_, &info) != 0) {
        throw call_failed("XEN_SYSCTL_physinfo", errno, "cannot tell what this host offers");
    }
    constexpr std::uint32_t either = XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    if ((info.capabilities & either) == 0) {
        return std::nullopt;
    }
    return (info.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2) != 0;
}

XenVersion Host::version() const
{
    const int version = xc_version(xch_, XENVER_version, nullptr);
    if (version < 0) {
        throw call_failed("XENVER_version", errno, "cannot tell the hypervisor's version");
    }
    const auto bits = static_cast<std::uint32_t>(version);
    return {bits >> 16, bits & 0xffff};
}

}  // namespace sr
