// SPDX-License-Identifier: LGPL-2.1-or-later
// Log-dirty over XEN_DOMCTL_shadow_op.
#include "libsr/xen/dirty_log.hpp"

#include "libsr/base/bitmap.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

constexpr const char* enable_call = "XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY";
constexpr const char* off_call = "XEN_DOMCTL_SHADOW_OP_OFF";

xen_domctl shadow_op(const Domain& domain, std::uint32_t op)
{
    xen_domctl domctl{};
    domctl.cmd = XEN_DOMCTL_shadow_op;
    domctl.domain = static_cast<domid_t>(domain.domid());
    domctl.u.shadow_op.op = op;
    return domctl;
}

/// 0, or the errno.
int change_mode(const Domain& domain, std::uint32_t op)
{
    xen_domctl domctl = shadow_op(domain, op);
    return xc_domctl(domain.host().xch(), &domctl) == 0 ? 0 : errno;
}

/// What may be behind an errno, as the end of "logging what domain 1 changes".
const char* reason(int errnum)
{
    switch (errnum) {
    case EINVAL:
        return ", which no host can that passes a device to it";
    case EOPNOTSUPP:
        return ", which takes a hypervisor with shadow paging";
    default:
        return "";
    }
}

}  // namespace

DirtyLog::DirtyLog(const Domain& domain, std::uint64_t nr_pfns, Logger& log)
    : domain_{domain}, log_{log}, nr_pfns_{nr_pfns}
{
    resize(nr_pfns);
    turn_on();
}

DirtyLog::~DirtyLog()
{
    if (const int errnum = change_mode(domain_, XEN_DOMCTL_SHADOW_OP_OFF); errnum != 0) {
        log_.warning(
            "log-dirty of domain %u stays on, which makes it slow, as %s failed with errno %d",
            domain_.domid(), off_call, errnum);
    }
}

void DirtyLog::resize(std::uint64_t nr_pfns)
{
    nr_pfns_ = nr_pfns;
    bitmap_.emplace(domain_.host(), words_for_bits(nr_pfns) * sizeof(std::uint64_t));
}

void DirtyLog::turn_on()
{
    const int first = change_mode(domain_, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY);
    if (first == 0) {
        return;
    }
    if (const int errnum = change_mode(domain_, XEN_DOMCTL_SHADOW_OP_OFF); errnum != 0) {
        throw call_failed(enable_call, first,
                          "logging what domain %u changes (%s failed too, with errno %d)",
                          domain_.domid(), off_call, errnum);
    }
    if (const int errnum = change_mode(domain_, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY);
        errnum != 0) {
        throw call_failed(enable_call, errnum, "logging what domain %u changes%s", domain_.domid(),
                          reason(errnum));
    }
    log_.verbose("log-dirty of domain %u was on, and was turned off and on again", domain_.domid());
}

std::uint64_t DirtyLog::read(Read kind)
{
    const bool clears = kind != Read::peek;
    const char* call = clears ? "XEN_DOMCTL_SHADOW_OP_CLEAN" : "XEN_DOMCTL_SHADOW_OP_PEEK";
    xen_domctl domctl =
        shadow_op(domain_, clears ? XEN_DOMCTL_SHADOW_OP_CLEAN : XEN_DOMCTL_SHADOW_OP_PEEK);
    auto& op = domctl.u.shadow_op;
    op.mode = kind == Read::clean_final ? XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL : 0;
    op.pages = nr_pfns_;
    set_xen_guest_handle_raw(op.dirty_bitmap, bitmap_->as<std::uint8_t>());
    if (xc_domctl(domain_.host().xch(), &domctl) != 0) {
        throw call_failed(call, errno, "reading which of %" PRIu64 " pages domain %u changed",
                          nr_pfns_, domain_.domid());
    }
    if (op.pages != nr_pfns_) {
        throw Error{Errc::hypervisor,
                    "%s told of %" PRIu64 " pages of domain %u, and not of %" PRIu64,
                    call,
                    std::uint64_t{op.pages},
                    domain_.domid(),
                    nr_pfns_}
            .with_call(call);
    }
    return op.stats.dirty_count;
}

std::span<const std::uint64_t> DirtyLog::words() const noexcept
{
    return {bitmap_->as<std::uint64_t>(), words_for_bits(nr_pfns_)};
}

}  // namespace sr
