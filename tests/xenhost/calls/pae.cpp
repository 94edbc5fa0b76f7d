// SPDX-License-Identifier: LGPL-2.1-or-later
// A 32-bit PAE guest: its tables, its contexts.
#include "tests/xenhost/calls/sections.hpp"

#include <xen/foreign/x86_32.h>

#include <sys/mman.h>

namespace calls {
namespace {

constexpr Pfn l3 = 10, l2 = 11, high_l2 = 12, l1 = 13, content = 14;
constexpr std::size_t slot = 5;

void build(const Domain& domain)
{
    domain.write_one(l1, slot, domain.entry(content, pte::read_write));
    domain.write_one(l2, slot, domain.entry(l1, pte::table));
    domain.write_one(high_l2, slot, domain.entry(l1, pte::table));
    Page top{};
    top[0] = domain.entry(l2, pte::present);
    top[3] = domain.entry(high_l2, pte::present);
    domain.write(l3, top);
}

void tell_types(const Domain& domain)
{
    say("  types: L3 %s, L2 %s, high L2 %s, L1 %s", domain.type(l3).c_str(),
        domain.type(l2).c_str(), domain.type(high_l2).c_str(), domain.type(l1).c_str());
}

void try_width(const Domain& domain)
{
    xen_domctl op = {};
    tell(domain.domctl(XEN_DOMCTL_get_address_size, op), "get_address_size");
    say("  size %u", op.u.address_size.size);
    for (const unsigned size : {32U, 64U}) {
        op = {};
        op.u.address_size.size = size;
        tell(domain.domctl(XEN_DOMCTL_set_address_size, op), "set_address_size %u", size);
    }
}

void try_levels(const Domain& domain)
{
    for (unsigned level = 1; level <= 4; ++level) {
        tell(domain.pin(level, level), "pinning an empty page as L%u", level);
        say("  type %s", domain.type(level).c_str());
        tell(domain.unpin(level), "unpinning it");
        say("  type %s", domain.type(level).c_str());
    }
}

void try_tree(const Domain& domain)
{
    build(domain);
    tell(domain.pin(3, l3), "pinning a tree");
    tell_types(domain);
    const auto flags = [&](Pfn pfn, std::size_t at) {
        return domain.read(pfn)[at] & 0xfff0000000000fff;
    };
    say("  flags: L3 %#lx, L2 %#lx, L1 %#lx", flags(l3, 0), flags(l2, slot), flags(l1, slot));
    const Page high = domain.read(high_l2);
    say("  in the high L2: slot 427 %s, 428 %s, 511 %s", (high[427] & 1) != 0 ? "present" : "not",
        (high[428] & 1) != 0 ? "present" : "not", (high[511] & 1) != 0 ? "present" : "not");
    for (const std::size_t at : {427U, 428U, 511U}) {
        tell(domain.update(high_l2, at, 0), "high L2: slot %zu", at);
    }
    for (const std::size_t at : {0U, 1U, 3U, 4U, 511U}) {
        tell(domain.update(l3, at, at == 0 ? domain.entry(l2, pte::present) : 0), "L3: slot %zu",
             at);
    }
    tell_types(domain);
    tell(domain.unpin(l3), "unpinning it");
    tell_types(domain);
    say("  flags: L3 %#lx, L2 %#lx, L1 %#lx", flags(l3, 0), flags(l2, slot), flags(l1, slot));
}

void try_wrong(const Domain& domain)
{
    const auto top = [&](const char* what, auto change) {
        build(domain);
        Page page = domain.read(l3);
        change(page);
        domain.write(l3, page);
        const Result result = domain.pin(3, l3);
        tell(result, "L3: %s", what);
        tell_types(domain);
        if (result == 0) {
            (void)domain.unpin(l3);
        }
    };
    top("without slot 3", [](Page& p) { p[3] = 0; });
    top("with garbage beyond slot 3", [](Page& p) { p[4] = ~std::uint64_t{0}; });
    top("with writable", [](Page& p) { p[0] |= pte::writable; });
    top("with user and accessed", [](Page& p) { p[0] |= pte::user | pte::accessed; });
    top("with one L2 in slots 0 and 3", [](Page& p) { p[3] = p[0]; });
    top("with the high L2 in slot 1 too", [](Page& p) { p[1] = p[3]; });
    top("with no-execute", [](Page& p) { p[0] |= std::uint64_t{1} << 63; });
    top("with an L1 for an L2", [&](Page& p) { p[0] = domain.entry(l1, pte::present); });
    build(domain);
    tell(domain.pin(2, high_l2), "pinning the high L2 by itself");
    tell(domain.pin(3, l3), "pinning the L3 over it");
    tell_types(domain);
    (void)domain.unpin(l3);
    tell(domain.unpin(high_l2), "unpinning the high L2");
}

void try_contexts(const Domain& domain)
{
    Machine& machine = domain.machine();
    using Context = vcpu_guest_context_x86_32_t;
    build(domain);
    const auto set = [&](const char* what, auto change) {
        auto* const at = machine.take<Context>();
        at->flags = VGCF_in_kernel | VGCF_online;
        at->user_regs.cs = 0xe019;
        at->user_regs.ss = 0xe021;
        at->kernel_ss = 0xe021;
        const auto mfn = static_cast<std::uint32_t>(domain.mfn(l3));
        at->ctrlreg[3] = mfn << 12 | mfn >> 20;
        change(*at);
        xen_domctl op = {};
        op.u.vcpucontext.ctxt.p = reinterpret_cast<vcpu_guest_context_t*>(at);  // NOLINT
        tell(domain.domctl(XEN_DOMCTL_setvcpucontext, op), "setvcpucontext %s", what);
    };
    set("without tables", [](Context& c) { c.ctrlreg[3] = 0; });
    set("of an L2 as top table",
        [&](Context& c) { c.ctrlreg[3] = static_cast<std::uint32_t>(domain.mfn(l2) << 12); });
    set("with a good one", [](Context& c) {
        c.user_regs.eflags = 0x202;
        c.user_regs.cs = 0x10;
        c.event_callback_cs = 0x18;
        c.event_callback_eip = 0x4000;
        c.trap_ctxt[3].cs = 0x10;
        c.trap_ctxt[3].address = 0x5000;
    });
    tell_types(domain);
    auto* const got = machine.take<Context>(2);
    xen_domctl op = {};
    op.u.vcpucontext.ctxt.p = reinterpret_cast<vcpu_guest_context_t*>(got);  // NOLINT
    tell(domain.domctl(XEN_DOMCTL_getvcpucontext, op), "getvcpucontext");
    const auto mfn = static_cast<std::uint32_t>(domain.mfn(l3));
    say("  flags %#x cs %#x ss %#x ds %#x eflags %#x kernel_ss %#x", got->flags, got->user_regs.cs,
        got->user_regs.ss, got->user_regs.ds, got->user_regs.eflags, got->kernel_ss);
    say("  cr3 %s cr4 %#x event %#x:%#x failsafe %#x:%#x trap 3 %#x:%#x vm_assist %#x",
        got->ctrlreg[3] == (mfn << 12 | mfn >> 20) ? "L3" : "?", got->ctrlreg[4],
        got->event_callback_cs, got->event_callback_eip, got->failsafe_callback_cs,
        got->failsafe_callback_eip, got->trap_ctxt[3].cs, got->trap_ctxt[3].address,
        got->vm_assist);
}

}  // namespace

void try_pae(Machine& machine)
{
    {
        Domain domain{machine};
        try_width(domain);
        const auto info = domain.info();
        say("flags %#x, shared_info below 4 GiB: %s", info.flags,
            info.shared_info_frame < std::uint64_t{1} << 20 ? "yes" : "no");
        xen_domctl op = {};
        tell(domain.domctl(XEN_DOMCTL_get_address_size, op), "get_address_size");
        if (op.u.address_size.size != 32) {
            return;  // PV guests of 32 bits are switched off here
        }
    }
    Domain domain{machine};
    xen_domctl op = {};
    op.u.address_size.size = 32;
    (void)domain.domctl(XEN_DOMCTL_set_address_size, op);
    domain.populate();
    try_levels(domain);
    try_tree(domain);
    try_wrong(domain);
    try_contexts(domain);
}

}  // namespace calls
