// SPDX-License-Identifier: LGPL-2.1-or-later
// Log-dirty, and what is dirty without a CPU's store.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

constexpr Pfn l4 = 10, l3 = 11, l2 = 12, l1 = 13, content = 14, spare = 15;
constexpr std::size_t slot = 5;

Result control(const Domain& domain, unsigned what, unsigned mode = 0)
{
    xen_domctl op = {};
    op.u.shadow_op.op = what;
    op.u.shadow_op.mode = mode;
    return domain.domctl(XEN_DOMCTL_shadow_op, op);
}

/// Asks for the bitmap of the first 64 pfns, and prints it as a list.
void tell_dirty(const Domain& domain, const char* after, unsigned what = XEN_DOMCTL_SHADOW_OP_CLEAN)
{
    auto* const bitmap = domain.machine().take<std::uint8_t>(64);
    xen_domctl op = {};
    auto& shadow = op.u.shadow_op;
    shadow.op = what;
    shadow.pages = 64;
    set_xen_guest_handle(shadow.dirty_bitmap, bitmap);
    const Result result = domain.domctl(XEN_DOMCTL_shadow_op, op);
    std::string list;
    for (Pfn pfn = 0; pfn < 64; ++pfn) {
        if ((bitmap[pfn / 8] >> pfn % 8 & 1) != 0) {
            list += " " + std::to_string(pfn);
        }
    }
    tell(result, "dirty after %s", after);
    say("  pfns%s; %u dirty, %u faults, pages %lu", list.c_str(), shadow.stats.dirty_count,
        shadow.stats.fault_count, static_cast<unsigned long>(shadow.pages));
}

void try_switches(const Domain& domain)
{
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_OFF), "shadow_op off, which it is");
    tell_dirty(domain, "nothing, while the log is off");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), "shadow_op enable_logdirty");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), "shadow_op enable_logdirty again");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY),
         "shadow_op enable with log-dirty");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_OFF), "shadow_op off");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), "shadow_op enable_logdirty");
    for (const unsigned mode : {1U, 2U, 3U}) {
        tell(control(domain, XEN_DOMCTL_SHADOW_OP_CLEAN, mode),
             "shadow_op clean, mode %u, no bitmap", mode);
        tell(control(domain, XEN_DOMCTL_SHADOW_OP_PEEK, mode), "shadow_op peek, mode %u, no bitmap",
             mode);
    }
    xen_domctl op = {};
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION;
    tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op get_allocation");
    say("  %s", op.u.shadow_op.mb > 0 ? "some" : "none");
    for (const unsigned mb : {0U, 2U}) {
        op = {};
        op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION;
        op.u.shadow_op.mb = mb;
        tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op set_allocation %u", mb);
    }
    tell(control(domain, 99), "shadow_op 99");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE, 0), "shadow_op enable, mode 0");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_ENABLE_TEST), "shadow_op enable_test");
}

void try_tables_change(const Domain& domain)
{
    tell_dirty(domain, "nothing");
    domain.write_one(l1, slot, domain.entry(content, pte::read_write));
    domain.write_one(l2, slot, domain.entry(l1, pte::table));
    domain.write_one(l3, slot, domain.entry(l2, pte::table));
    domain.write_one(l4, slot, domain.entry(l3, pte::table));
    tell_dirty(domain, "stores through a foreign mapping");
    tell(domain.pin(4, l4), "pinning a tree");
    tell_dirty(domain, "pinning a tree", XEN_DOMCTL_SHADOW_OP_PEEK);
    tell_dirty(domain, "peeking");
    tell_dirty(domain, "cleaning");
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_write)), "changing an L1");
    tell_dirty(domain, "changing an L1");
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_write) | 1U << 9),
         "changing a flag in an L1");
    tell_dirty(domain, "changing a flag in an L1");
    tell(domain.update(l1, 6, domain.entry(l4, pte::read_write)), "changing an L1 in vain");
    tell_dirty(domain, "changing an L1 in vain");
    tell(domain.update(20, 0, 1), "mmu_update of plain memory");
    tell_dirty(domain, "mmu_update of plain memory");
    tell(domain.pin(3, l3), "pinning the L3 too");
    tell_dirty(domain, "pinning what is a table already");
    tell(domain.unpin(l4), "unpinning the L4");
    tell_dirty(domain, "unpinning the L4");
    tell(domain.unpin(l3), "unpinning the L3");
    tell_dirty(domain, "unpinning the L3");
    tell(domain.pin(1, content), "pinning a page as L1");
    tell(domain.pin(2, content), "pinning it as L2");
    tell_dirty(domain, "pinning a page as L1, then in vain as L2");
    tell(domain.unpin(content), "unpinning it");
    (void)control(domain, XEN_DOMCTL_SHADOW_OP_CLEAN);
    domain.write_one(content, 0, ~std::uint64_t{0});
    tell(domain.pin(1, content), "pinning what is no table");
    tell_dirty(domain, "pinning what is no table");
}

void try_memory_changes(const Domain& domain)
{
    Machine& machine = domain.machine();
    tell(machine.mmuext(MMUEXT_CLEAR_PAGE, domain.mfn(21), domain.id()), "clear_page");
    tell_dirty(domain, "clear_page");
    tell(machine.mmuext(MMUEXT_COPY_PAGE, domain.mfn(22), domain.id(), domain.mfn(21)),
         "copy_page of 21 to 22");
    tell_dirty(domain, "copy_page");
    tell(machine.mmu_update(domain.mfn(23) << 12 | MMU_MACHPHYS_UPDATE, 24, domain.id()),
         "M2P update of 23 to 24");
    tell_dirty(domain, "an M2P update");
    tell(machine.mmu_update(domain.mfn(23) << 12 | MMU_MACHPHYS_UPDATE, 23, domain.id()),
         "M2P update back");
    (void)control(domain, XEN_DOMCTL_SHADOW_OP_CLEAN);
    tell(domain.decrease({domain.mfn(30)}), "decrease_reservation");
    tell_dirty(domain, "decrease_reservation");
    std::vector<xen_pfn_t> pfns = {30};
    tell(domain.populate(pfns), "populate_physmap");
    tell_dirty(domain, "populate_physmap");
    {
        const Mapping mapping{machine, domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(31)}};
        mapping.words()[0] = 1;
        tell_dirty(domain, "a store through a foreign mapping that is there");
    }
    tell_dirty(domain, "its end");
}

void try_refusals(Machine& machine, const Domain& domain)
{
    xen_domctl op = {};
    op.cmd = XEN_DOMCTL_shadow_op;
    op.domain = 0;
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_PEEK;
    tell(machine.domctl(op), "shadow_op peek of itself");
    op.domain = DOMID_FIRST_RESERVED - 1;
    tell(machine.domctl(op), "shadow_op peek of nobody");
    op = {};
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_PEEK;
    op.u.shadow_op.pages = 64;
    set_xen_guest_handle_raw(op.u.shadow_op.dirty_bitmap,
                             reinterpret_cast<std::uint8_t*>(16));  // NOLINT
    tell(domain.domctl(XEN_DOMCTL_shadow_op, op), "shadow_op peek to nowhere");
    op = domain_request(2);
    (void)machine.domctl(op);
    op.cmd = XEN_DOMCTL_shadow_op;
    op.u.shadow_op = {};
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
    tell(machine.domctl(op), "shadow_op enable_logdirty without vCPUs");
    op.cmd = XEN_DOMCTL_destroydomain;
    (void)machine.domctl(op);
}

}  // namespace

void try_log_dirty(Machine& machine)
{
    Domain domain{machine};
    domain.populate();
    try_switches(domain);
    try_tables_change(domain);
    try_memory_changes(domain);
    try_refusals(machine, domain);
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_OFF), "shadow_op off");
    tell(control(domain, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION), "shadow_op set_allocation 0");
}

}  // namespace calls
