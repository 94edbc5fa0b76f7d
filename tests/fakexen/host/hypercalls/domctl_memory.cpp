// SPDX-License-Identifier: LGPL-2.1-or-later
// domctl: page types, log-dirty, address size.
#include "tests/fakexen/host/hypercalls/domctl.hpp"

#include <algorithm>
#include <cerrno>

namespace fakexen::domctl {
namespace {

constexpr std::uint32_t page_types_max = 1024;

std::uint64_t table_type(FrameType type)
{
    switch (type) {
    case FrameType::l1_table:
        return XEN_DOMCTL_PFINFO_L1TAB;
    case FrameType::l2_table:
    case FrameType::xen_l2_table:
        return XEN_DOMCTL_PFINFO_L2TAB;
    case FrameType::l3_table:
        return XEN_DOMCTL_PFINFO_L3TAB;
    case FrameType::l4_table:
        return XEN_DOMCTL_PFINFO_L4TAB;
    case FrameType::none:
    case FrameType::segment:
    case FrameType::writable:
        break;
    }
    return XEN_DOMCTL_PFINFO_NOTAB;
}

/// A de-validated table is none, although its type is still known: only validated and pinned ones count. Before Xen
/// 4.16 (commit 0a87e677f4) that was not asked, so a table kept its type until the page was used as something else.
std::uint64_t page_type(const Hypervisor& xen, const Domain& domain, Mfn mfn)
{
    if (!xen.machine.is_ram(mfn)) {
        return XEN_DOMCTL_PFINFO_XTAB;
    }
    const FrameState& frame = xen.machine.frame(mfn);
    if (frame.references == 0 || frame.owner != &domain || frame.xen_heap) {
        return XEN_DOMCTL_PFINFO_XTAB;
    }
    const std::uint64_t type = table_type(frame.type);
    if (frame.pinned) {
        return type | XEN_DOMCTL_PFINFO_LPINTAB;
    }
    return frame.validated || xen.config().stale_types ? type : XEN_DOMCTL_PFINFO_NOTAB;
}

/// Copies the bitmap out and says how much changed. Bits beyond what was ever dirty are zero.
int read_dirty(DomctlCall& call, bool clean)
{
    auto& shadow = call.op.u.shadow_op;
    DirtyLog& log = call.domain->dirty;
    shadow.stats.dirty_count = static_cast<std::uint32_t>(log.nr_dirty());
    shadow.stats.fault_count = static_cast<std::uint32_t>(log.nr_faults());
    if (const std::uint64_t to = address_of(shadow.dirty_bitmap); to != 0) {
        std::vector<std::uint64_t> words = log.words();
        const std::uint64_t nr_octets = (shadow.pages + 7) / 8;
        if (nr_octets > Caller::array_limit * sizeof(std::uint64_t)) {
            return -EINVAL;
        }
        words.resize((nr_octets + 7) / 8);
        call.caller.write(to, std::as_bytes(std::span{words}).first(nr_octets));
    }
    if (clean) {
        log.clean(shadow.pages);
    }
    return 0;
}

}  // namespace

int get_page_types(DomctlCall& call)
{
    const auto& info = call.op.u.getpageframeinfo3;
    if (info.num > page_types_max) {
        return -E2BIG;
    }
    const std::uint64_t array = address_of(info.array);
    auto frames = call.caller.read_array<xen_pfn_t>(array, info.num);
    for (xen_pfn_t& frame : frames) {
        frame = page_type(call.xen, *call.domain, Mfn{frame});
    }
    call.caller.write_array<xen_pfn_t>(array, frames);
    return 0;
}

// There is nothing to jump into: the page must be writable, and that is all.
int hypercall_page(DomctlCall& call)
{
    const Mfn mfn{call.op.u.hypercall_init.gmfn};
    if (!call.xen.types.get_page(mfn, *call.domain)) {
        return -EINVAL;
    }
    const bool writable = call.xen.types.get_type(mfn, FrameType::writable) == 0;
    if (writable) {
        call.xen.types.put_type(mfn);
    }
    call.xen.types.put_page(mfn);
    return writable ? 0 : -EPERM;
}

int shadow_op(DomctlCall& call)
{
    auto& shadow = call.op.u.shadow_op;
    Domain& domain = *call.domain;
    if (&domain == &call.caller.domain()) {
        return -EINVAL;
    }
    if (domain.life == Life::dying) {
        return 0;
    }
    if (domain.vcpu(0) == nullptr) {
        return -EINVAL;
    }
    switch (shadow.op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        domain.dirty.disable();
        return 0;
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        if (domain.dirty.enabled()) {
            return -EINVAL;
        }
        domain.dirty.enable();
        domain.shadow_mib = std::max(domain.shadow_mib, 1U);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        if ((shadow.mode & ~std::uint32_t{XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL}) != 0) {
            return -EINVAL;
        }
        return read_dirty(call, shadow.op == XEN_DOMCTL_SHADOW_OP_CLEAN);
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        shadow.mb = domain.shadow_mib;
        return 0;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        if (shadow.mb == 0 && domain.dirty.enabled()) {
            return -EINVAL;
        }
        domain.shadow_mib = shadow.mb;
        return 0;
    default:
        return -EINVAL;
    }
}

int get_address_size(DomctlCall& call)
{
    call.op.u.address_size.size = call.domain->is_32bit ? 32 : 64;
    return 0;
}

// A domain becomes a 32-bit one while it has no page, and stays one. Xen would keep its frames below what fits the M2P
// that a 32-bit guest can see; a host whose frames do not fit has no 32-bit guests.
int set_address_size(DomctlCall& call)
{
    Domain& domain = *call.domain;
    const std::uint32_t wanted = call.op.u.address_size.size;
    if (wanted == (domain.is_32bit ? 32 : 64)) {
        return 0;
    }
    if (wanted != 32) {
        return -EINVAL;
    }
    if (call.xen.machine.max_mfn() >= compat_m2p_visible_entries) {
        call.xen.log().warning("d%u: this host's frames are beyond what a 32-bit guest can see",
                               domain.id);
        return -EOPNOTSUPP;
    }
    if (domain.nr_pages != 0) {
        return -EACCES;
    }
    constexpr std::uint64_t nr_low_frames = std::uint64_t{1} << 20;
    if (domain.shared_info->number() >= nr_low_frames) {
        call.xen.log().warning("d%u: this host has no frame below 4 GiB for its shared_info",
                               domain.id);
        return -EOPNOTSUPP;
    }
    domain.is_32bit = true;
    domain.events.set_limit(EventChannels::nr_ports_max_32bit);
    return 0;
}

int for_hvm_only(DomctlCall&)
{
    return -EINVAL;
}

}  // namespace fakexen::domctl
