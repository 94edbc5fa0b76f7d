// SPDX-License-Identifier: LGPL-2.1-or-later
// Contexts of vCPUs, and what a vCPU has beside.
#include "tests/xenhost/calls/sections.hpp"

namespace calls {
namespace {

using Context = vcpu_guest_context_t;

constexpr Pfn l4 = 10, user_l4 = 11, gdt = 12;

/// A context that Xen takes, but for what the caller changes.
Context good_context(const Domain& domain)
{
    Context context = {};
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = 0x1000;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.user_regs.rflags = 0x200;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.ctrlreg[3] = domain.mfn(l4) << 12;
    return context;
}

Result set(const Domain& domain, unsigned vcpu, const Context& context)
{
    auto* const at = domain.machine().take<Context>();
    *at = context;
    xen_domctl op = {};
    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt.p = reinterpret_cast<vcpu_guest_context_t*>(at);  // NOLINT
    return domain.domctl(XEN_DOMCTL_setvcpucontext, op);
}

Result get(const Domain& domain, unsigned vcpu, Context& context)
{
    auto* const at = domain.machine().take<Context>();
    xen_domctl op = {};
    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt.p = reinterpret_cast<vcpu_guest_context_t*>(at);  // NOLINT
    const Result result = domain.domctl(XEN_DOMCTL_getvcpucontext, op);
    context = *at;
    return result;
}

template <typename Change>
Result try_set(const Domain& domain, const char* what, Change change)
{
    Context context = good_context(domain);
    change(context);
    const Result result = set(domain, 0, context);
    tell(result, "setvcpucontext %s", what);
    return result;
}

void tell_context(const Domain& domain)
{
    Context c = {};
    const Result result = get(domain, 0, c);
    tell(result, "getvcpucontext");
    if (result < 0) {
        return;
    }
    say("  flags %#lx rip %#lx cs %#x ss %#x rflags %#lx", c.flags, c.user_regs.rip, c.user_regs.cs,
        c.user_regs.ss, c.user_regs.rflags);
    say("  ds %#x es %#x fs %#x gs %#x kernel_ss %#lx kernel_sp %#lx", c.user_regs.ds,
        c.user_regs.es, c.user_regs.fs, c.user_regs.gs, c.kernel_ss, c.kernel_sp);
    say("  entry_vector %#x error_code %#x saved_upcall_mask %u rax %#lx", c.user_regs.entry_vector,
        c.user_regs.error_code, c.user_regs.saved_upcall_mask, c.user_regs.rax);
    say("  cr0 %#lx cr1 %s cr2 %#lx cr3 %s cr4 %#lx", c.ctrlreg[0],
        c.ctrlreg[1] == 0                                 ? "0"
        : c.ctrlreg[1] == (domain.mfn(user_l4) << 12 | 1) ? "user L4 | 1"
                                                          : "?",
        c.ctrlreg[2], c.ctrlreg[3] == domain.mfn(l4) << 12 ? "L4" : "?", c.ctrlreg[4]);
    say("  gdt_ents %lu, its frame %s; ldt_base %#lx ldt_ents %lu vm_assist %#lx", c.gdt_ents,
        c.gdt_frames[0] == domain.mfn(gdt) ? "right"
        : c.gdt_frames[0] == 0             ? "none"
                                           : "?",
        c.ldt_base, c.ldt_ents, c.vm_assist);
    say("  trap 3: cs %#x flags %u address %#lx; debugreg 6 %#lx 7 %#lx", c.trap_ctxt[3].cs,
        c.trap_ctxt[3].flags, c.trap_ctxt[3].address, c.debugreg[6], c.debugreg[7]);
    say("  event %#lx failsafe %#lx syscall %#lx fs_base %#lx gs_base %#lx, %#lx",
        c.event_callback_eip, c.failsafe_callback_eip, c.syscall_callback_eip, c.fs_base,
        c.gs_base_kernel, c.gs_base_user);
}

void try_first(const Domain& domain)
{
    Context context = {};
    tell(get(domain, 0, context), "getvcpucontext of a vCPU without one");
    tell(get(domain, 2, context), "getvcpucontext of vCPU 2 of 2");
    tell(set(domain, 2, good_context(domain)), "setvcpucontext of vCPU 2 of 2");
    try_set(domain, "with an empty, unpinned L4", [](Context&) {});
    say("  type %s", domain.type(l4).c_str());
    tell_context(domain);
}

/// On a domain of its own each, since a vCPU that has a context is treated differently.
template <typename Change>
void try_alone(Machine& machine, const char* what, Change change)
{
    Domain domain{machine};
    domain.populate();
    Context context = good_context(domain);
    change(domain, context);
    const Result result = set(domain, 0, context);
    tell(result, "first setvcpucontext %s", what);
    say("  type of the L4 %s, of the GDT %s, online %u", domain.type(l4).c_str(),
        domain.type(gdt).c_str(), domain.info().nr_online_vcpus);
    if (result == 0) {
        tell_context(domain);
    }
    machine.release();
}

void try_tables_of_contexts(Machine& machine)
{
    try_alone(machine, "without tables", [](Domain&, Context& c) { c.ctrlreg[3] = 0; });
    try_alone(machine, "with cr3 of nothing",
              [](Domain&, Context& c) { c.ctrlreg[3] = ~std::uint64_t{0} << 12; });
    try_alone(machine, "with cr3 of a pinned L1",
              [](Domain& d, Context&) { tell(d.pin(1, l4), "pinning a page as L1"); });
    try_alone(machine, "with cr3 of what is no table",
              [](Domain& d, Context&) { d.write_one(l4, 0, ~std::uint64_t{0}); });
    try_alone(machine, "with a user L4",
              [](Domain& d, Context& c) { c.ctrlreg[1] = d.mfn(user_l4) << 12 | 1; });
    try_alone(machine, "with a user L4 of nothing",
              [](Domain&, Context& c) { c.ctrlreg[1] = ~std::uint64_t{0} << 12 | 1; });
    try_alone(machine, "with cr1 without its lowest bit",
              [](Domain& d, Context& c) { c.ctrlreg[1] = d.mfn(user_l4) << 12; });
    try_alone(machine, "in user mode, without a user L4",
              [](Domain&, Context& c) { c.flags = VGCF_online; });
    try_alone(machine, "in user mode, with one", [](Domain& d, Context& c) {
        c.flags = VGCF_online;
        c.ctrlreg[1] = d.mfn(user_l4) << 12 | 1;
    });
}

void try_gdts_of_contexts(Machine& machine)
{
    try_alone(machine, "offline", [](Domain&, Context& c) { c.flags = VGCF_in_kernel; });
    try_alone(machine, "with a GDT", [](Domain& d, Context& c) {
        c.gdt_frames[0] = d.mfn(gdt);
        c.gdt_ents = 512;
    });
    try_alone(machine, "with a GDT of few entries", [](Domain& d, Context& c) {
        c.gdt_frames[0] = d.mfn(gdt);
        c.gdt_ents = 3;
    });
    try_alone(machine, "with a GDT of nothing", [](Domain&, Context& c) {
        c.gdt_frames[0] = ~std::uint64_t{0};
        c.gdt_ents = 512;
    });
    try_alone(machine, "with a bad GDT", [](Domain& d, Context& c) {
        d.write_one(gdt, 3, 0x0000890000000000);
        c.gdt_frames[0] = d.mfn(gdt);
        c.gdt_ents = 512;
    });
    try_alone(machine, "with too many entries of a GDT",
              [](Domain&, Context& c) { c.gdt_ents = 8000; });
}

void try_registers_of_contexts(Machine& machine)
{
    try_alone(machine, "with odd registers", [](Domain&, Context& c) {
        c.user_regs.rflags = ~std::uint64_t{0} >> 10;
        c.user_regs.cs = 0x10;
        c.user_regs.ss = 0x18;
        c.user_regs.ds = c.user_regs.es = c.user_regs.fs = c.user_regs.gs = 0x28;
        c.kernel_ss = 0x18;
        c.kernel_sp = 0x8000;
        c.user_regs.entry_vector = 0x123;
        c.user_regs.error_code = 0x456;
        c.user_regs.saved_upcall_mask = 1;
        c.user_regs.rax = 0x1122334455667788;
        c.trap_ctxt[3] = {3, 3, 0x10, 0x1234};
        c.ctrlreg[0] = 8;
        c.ctrlreg[2] = 0x5000;
        c.ctrlreg[4] = 0x20;
        c.ldt_base = 0x6000;
        c.ldt_ents = 4;
        c.vm_assist = 1U << VMASST_TYPE_pae_extended_cr3;
        c.event_callback_eip = 0x7000;
        c.failsafe_callback_eip = 0x7100;
        c.syscall_callback_eip = 0x7200;
        c.fs_base = 0x8000;
        c.gs_base_kernel = 0x8100;
        c.gs_base_user = 0x8200;
        c.debugreg[7] = 0x400;
    });
    try_alone(machine, "with all flags", [](Domain&, Context& c) { c.flags = ~std::uint64_t{0}; });
}

void try_addresses_of_contexts(Machine& machine)
{
    constexpr std::uint64_t odd = std::uint64_t{1} << 60;
    try_alone(machine, "with a non-canonical rip",
              [](Domain&, Context& c) { c.user_regs.rip = odd; });
    try_alone(machine, "with a non-canonical fs_base",
              [](Domain&, Context& c) { c.fs_base = odd; });
    try_alone(machine, "with a non-canonical kernel_sp",
              [](Domain&, Context& c) { c.kernel_sp = odd; });
    try_alone(machine, "with a non-canonical callback",
              [](Domain&, Context& c) { c.event_callback_eip = odd; });
    try_alone(machine, "with a non-canonical trap",
              [](Domain&, Context& c) { c.trap_ctxt[3].address = odd; });
    try_alone(machine, "with a bad LDT", [](Domain&, Context& c) {
        c.ldt_base = 0x1001;
        c.ldt_ents = 9000;
    });
    try_alone(machine, "with debug registers", [](Domain&, Context& c) {
        c.debugreg[0] = odd;
        c.debugreg[7] = ~std::uint64_t{0};
    });
}

/// A vCPU that has a context gets another one, and none.
void try_again(const Domain& domain)
{
    const auto online = [&] {
        say("  online %u, type of the L4 %s", domain.info().nr_online_vcpus,
            domain.type(l4).c_str());
    };
    try_set(domain, "as before", [](Context&) {});
    try_set(domain, "with other registers", [](Context& c) { c.user_regs.rax = 5; });
    tell_context(domain);
    try_set(domain, "with other tables",
            [&](Context& c) { c.ctrlreg[3] = domain.mfn(user_l4) << 12; });
    try_set(domain, "without tables", [](Context& c) { c.ctrlreg[3] = 0; });
    try_set(domain, "with a GDT", [&](Context& c) {
        c.gdt_frames[0] = domain.mfn(gdt);
        c.gdt_ents = 512;
    });
    try_set(domain, "with a user L4",
            [&](Context& c) { c.ctrlreg[1] = domain.mfn(user_l4) << 12 | 1; });
    try_set(domain, "in user mode", [&](Context& c) {
        c.flags = VGCF_online;
        c.ctrlreg[1] = domain.mfn(user_l4) << 12 | 1;
    });
    try_set(domain, "offline", [](Context& c) { c.flags = VGCF_in_kernel; });
    online();
    tell_context(domain);
    tell(domain.pin(4, l4), "pinning the L4 in use");
    tell(domain.unpin(l4), "unpinning it");
    online();
    xen_domctl op = {};
    tell(domain.domctl(XEN_DOMCTL_setvcpucontext, op), "setvcpucontext of nothing, which resets");
    online();
    Context context = {};
    tell(get(domain, 0, context), "getvcpucontext");
    try_set(domain, "after that", [](Context&) {});
    online();
}

void try_extended(const Domain& domain)
{
    const auto call = [&](unsigned cmd, const char* what, auto change) {
        xen_domctl op = {};
        auto& e = op.u.ext_vcpucontext;
        e.size = sizeof e;
        change(e);
        const Result result = domain.domctl(cmd, op);
        tell(result, "%s_ext_vcpucontext %s", cmd == XEN_DOMCTL_get_ext_vcpucontext ? "get" : "set",
             what);
        return e;
    };
    using Extended = xen_domctl_ext_vcpucontext;
    const auto show = [&] {
        const Extended e =
            call(XEN_DOMCTL_get_ext_vcpucontext, "of vCPU 0", [](Extended& x) { x.size = 0; });
        say("  size %u; sysenter %#lx cs %#x, disables %u; syscall32 %#lx cs %#x, disables %u",
            e.size, static_cast<unsigned long>(e.sysenter_callback_eip), e.sysenter_callback_cs,
            e.sysenter_disables_events, static_cast<unsigned long>(e.syscall32_callback_eip),
            e.syscall32_callback_cs, e.syscall32_disables_events);
        say("  mcg_cap %#lx", static_cast<unsigned long>(e.mcg_cap));
    };
    show();
    (void)call(XEN_DOMCTL_get_ext_vcpucontext, "of vCPU 2 of 2", [](Extended& e) { e.vcpu = 2; });
    constexpr unsigned set_it = XEN_DOMCTL_set_ext_vcpucontext;
    (void)call(set_it, "of vCPU 2 of 2", [](Extended& e) { e.vcpu = 2; });
    const auto fill = [](Extended& e) {
        e.sysenter_callback_eip = 0x1000;
        e.sysenter_callback_cs = 0x10;
        e.sysenter_disables_events = 1;
        e.syscall32_callback_eip = 0x2000;
        e.syscall32_callback_cs = 0x18;
        e.syscall32_disables_events = 2;
    };
    (void)call(set_it, "with all", fill);
    show();
    (void)call(set_it, "with selectors 0", [](Extended& e) { e.sysenter_callback_eip = 0x3000; });
    show();
    for (const unsigned size : {0U, 8U, 31U, 32U, 40U, 64U, 65U, 1000U}) {
        (void)call(set_it, ("of size " + std::to_string(size)).c_str(), [&](Extended& e) {
            fill(e);
            e.size = size;
        });
    }
    show();
    (void)call(set_it, "with a non-canonical address",
               [](Extended& e) { e.sysenter_callback_eip = std::uint64_t{1} << 60; });
    (void)call(set_it, "with another one",
               [](Extended& e) { e.syscall32_callback_eip = std::uint64_t{1} << 60; });
    (void)call(set_it, "with machine checks", [](Extended& e) { e.mcg_cap = ~std::uint64_t{0}; });
    (void)call(set_it, "with some", [](Extended& e) { e.mcg_cap = 1U << 8; });
    show();
}

void try_xsave(const Domain& domain)
{
    const auto call = [&](unsigned cmd, const char* what, std::uint64_t mask, std::uint64_t size,
                          unsigned vcpu) {
        xen_domctl op = {};
        auto& state = op.u.vcpuextstate;
        state.vcpu = vcpu;
        state.xfeature_mask = mask;
        state.size = size;
        set_xen_guest_handle(state.buffer, domain.machine().take<std::uint64_t>(512));
        const Result result = domain.domctl(cmd, op);
        tell(result, "%svcpuextstate %s", cmd == XEN_DOMCTL_getvcpuextstate ? "get" : "set", what);
        say("  mask %#lx size %lu", static_cast<unsigned long>(state.xfeature_mask),
            static_cast<unsigned long>(state.size));
    };
    call(XEN_DOMCTL_getvcpuextstate, "sizes", 0, 0, 0);
    call(XEN_DOMCTL_getvcpuextstate, "of vCPU 2 of 2", 0, 0, 2);
    call(XEN_DOMCTL_getvcpuextstate, "with a wrong mask", 0xff, 4096, 0);
    call(XEN_DOMCTL_getvcpuextstate, "with mask 0, room for 4096", 0, 4096, 0);
    call(XEN_DOMCTL_setvcpuextstate, "of 0", 0, 0, 0);
    call(XEN_DOMCTL_setvcpuextstate, "of 16", 0, 16, 0);
    call(XEN_DOMCTL_setvcpuextstate, "of 100", 0, 100, 0);
    call(XEN_DOMCTL_setvcpuextstate, "of 4096", 0, 4096, 0);
    call(XEN_DOMCTL_setvcpuextstate, "of vCPU 2 of 2", 0, 16, 2);
}

void try_msrs(const Domain& domain)
{
    auto* const list = domain.machine().take<xen_domctl_vcpu_msr>(16);
    const auto call = [&](unsigned cmd, const char* what, unsigned count, unsigned vcpu,
                          bool handle = true) {
        xen_domctl op = {};
        auto& msrs = op.u.vcpu_msrs;
        msrs.vcpu = vcpu;
        msrs.msr_count = count;
        if (handle) {
            set_xen_guest_handle(msrs.msrs, list);
        }
        const Result result = domain.domctl(cmd, op);
        tell(result, "%s_vcpu_msrs %s", cmd == XEN_DOMCTL_get_vcpu_msrs ? "get" : "set", what);
        say("  msr_count %u", msrs.msr_count);
    };
    call(XEN_DOMCTL_get_vcpu_msrs, "count", 0, 0, false);
    call(XEN_DOMCTL_get_vcpu_msrs, "room for 16", 16, 0);
    call(XEN_DOMCTL_get_vcpu_msrs, "of vCPU 2 of 2", 0, 2, false);
    call(XEN_DOMCTL_set_vcpu_msrs, "of nothing", 0, 0);
    call(XEN_DOMCTL_set_vcpu_msrs, "of 1000", 1000, 0);
    call(XEN_DOMCTL_set_vcpu_msrs, "of vCPU 2 of 2", 0, 2);
    struct Msr {
        std::uint32_t index;
        std::uint64_t value;
    };
    constexpr Msr tried[] = {{0xc0000103, 5},
                             {0xc0000103, std::uint64_t{1} << 40},
                             {0x48, 0},
                             {0x48, 1},
                             {0x140, 0},
                             {0x140, 1},
                             {0xc0011027, 0x1234},
                             {0xc0011019, 1},
                             {0xda0, 0},
                             {0xc0000080, 0},
                             {0x12345, 0},
                             {0x10a, 0}};
    for (const Msr& msr : tried) {
        list[0] = {msr.index, 0, msr.value};
        call(XEN_DOMCTL_set_vcpu_msrs,
             ("index " + std::to_string(msr.index) + " value " + std::to_string(msr.value)).c_str(),
             1, 0);
    }
    list[0] = {0xc0000103, 1, 5};
    call(XEN_DOMCTL_set_vcpu_msrs, "with a reserved field", 1, 0);
    call(XEN_DOMCTL_get_vcpu_msrs, "room for 16", 16, 0);
    for (unsigned n = 0; n < 3; ++n) {
        say("  %#x = %#lx", list[n].index, static_cast<unsigned long>(list[n].value));
    }
    call(XEN_DOMCTL_get_vcpu_msrs, "room for 0", 0, 0);
}

void try_affinity(const Domain& domain)
{
    xen_domctl op = {};
    auto& affinity = op.u.vcpuaffinity;
    affinity.flags = XEN_VCPUAFFINITY_HARD;
    affinity.cpumap_hard.nr_bits = 8;
    set_xen_guest_handle(affinity.cpumap_hard.bitmap, domain.machine().take<std::uint8_t>(8));
    tell(domain.domctl(XEN_DOMCTL_getvcpuaffinity, op), "getvcpuaffinity");
    affinity.vcpu = 2;
    tell(domain.domctl(XEN_DOMCTL_getvcpuaffinity, op), "getvcpuaffinity of vCPU 2 of 2");
    tell(domain.domctl(XEN_DOMCTL_setvcpuaffinity, op), "setvcpuaffinity of vCPU 2 of 2");
}

}  // namespace

void try_vcpus(Machine& machine)
{
    try_tables_of_contexts(machine);
    try_gdts_of_contexts(machine);
    try_registers_of_contexts(machine);
    try_addresses_of_contexts(machine);
    Domain domain{machine};
    domain.populate();
    try_first(domain);
    try_extended(domain);
    try_xsave(domain);
    try_msrs(domain);
    try_affinity(domain);
    try_again(domain);
}

}  // namespace calls
