// SPDX-License-Identifier: LGPL-2.1-or-later
// Changing another domain's tables and pages while they are in use.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

constexpr Pfn l4 = 10, l3 = 11, l2 = 12, l1 = 13, content = 14, spare = 15;
constexpr std::size_t slot = 5;

void build(const Domain& domain)
{
    domain.write_one(l1, slot, domain.entry(content, pte::read_write));
    domain.write_one(l2, slot, domain.entry(l1, pte::table));
    domain.write_one(l3, slot, domain.entry(l2, pte::table));
    domain.write_one(l4, slot, domain.entry(l3, pte::table));
    tell(domain.pin(4, l4), "pinning a tree");
}

void try_l1(const Domain& domain, const Domain& other)
{
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_write)), "L1: another page");
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_only)), "L1: read-only");
    tell(domain.update(l1, 6, domain.entry(l1, pte::read_only)), "L1: itself, read-only");
    tell(domain.update(l1, 6, domain.entry(l1, pte::read_write)), "L1: itself, writable");
    say("  the entry is left as it was: %s",
        domain.read(l1)[6] == domain.entry(l1, pte::read_only) ? "yes" : "no");
    tell(domain.update(l1, 6, domain.entry(l4, pte::read_write)), "L1: the L4, writable");
    tell(domain.update(l1, 6, other.entry(1, pte::read_write)), "L1: another's frame");
    tell(domain.update(l1, 6, std::uint64_t{1} << 51 | pte::read_write),
         "L1: a frame that is none");
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_write) | std::uint64_t{1} << 58),
         "L1: bit 58");
    tell(domain.update(l1, 6, domain.entry(spare, pte::read_write) | 1U << 7), "L1: PAT");
    tell(domain.update(l1, 6, 0x1234000), "L1: not present");
    say("  it holds %#lx", domain.read(l1)[6]);
    for (unsigned cmd = 0; cmd < 8; ++cmd) {
        if (cmd != MMU_MACHPHYS_UPDATE) {
            tell(domain.update(l1, 6, domain.entry(spare, pte::read_only), cmd), "L1: command %u",
                 cmd);
        }
    }
    tell(domain.update(l1, slot, domain.entry(content, pte::present | pte::user),
                       MMU_PT_UPDATE_PRESERVE_AD),
         "L1: without accessed and dirty, which stay");
    say("  flags %#lx", domain.read(l1)[slot] & 0xfff);
}

void try_upper(const Domain& domain, const Domain& other)
{
    domain.clear(spare);
    tell(domain.update(l1, 6, 0), "L1: nothing");
    tell(domain.update(l2, 6, domain.entry(spare, pte::table)), "L2: an empty page");
    say("  its type %s", domain.type(spare).c_str());
    tell(domain.update(l2, 6, domain.entry(spare, pte::table) | 1U << 7), "L2: with PSE");
    tell(domain.update(l2, 6, domain.entry(content, pte::table)),
         "L2: a page that is mapped writable");
    tell(domain.update(l2, 6, domain.entry(l3, pte::table)), "L2: the L3");
    tell(domain.update(l2, 6, other.entry(1, pte::table)), "L2: another's frame");
    tell(domain.update(l2, 6, 0), "L2: nothing");
    say("  its type %s", domain.type(spare).c_str());
    tell(domain.update(l3, 6, domain.entry(spare, pte::table)), "L3: an empty page");
    say("  its type %s", domain.type(spare).c_str());
    tell(domain.update(l3, 6, 0), "L3: nothing");
    tell(domain.update(l4, 6, domain.entry(spare, pte::table)), "L4: an empty page");
    tell(domain.update(l4, 6, domain.entry(spare, pte::read_only)), "L4: read-only");
    tell(domain.update(l4, 6, 0), "L4: nothing");
    for (const std::size_t at : {255U, 256U, 271U, 272U}) {
        tell(domain.update(l4, at, 0), "L4: slot %zu", at);
    }
}

void try_plain(const Domain& domain, const Domain& other)
{
    Machine& machine = domain.machine();
    tell(domain.update(20, 3, 0x1234), "mmu_update of plain memory");
    say("  it holds %#lx", domain.read(20)[3]);
    tell(machine.mmu_update((domain.mfn(20) << 12) + 12, 1,
                            domain.id() | (std::uint64_t{domain.id()} + 1) << 16),
         "mmu_update of half an entry");
    tell(machine.mmu_update(domain.mfn(20) << 12, 1, DOMID_SELF),
         "mmu_update of another's memory as one's own");
    tell(machine.mmu_update(domain.mfn(20) << 12, 1, domain.id()),
         "mmu_update, only the frames another's");
    tell(machine.mmu_update(~std::uint64_t{0} << 12, 1,
                            domain.id() | (std::uint64_t{domain.id()} + 1) << 16),
         "mmu_update of mfn ~0");
    tell(machine.mmu_update(other.mfn(20) << 12, 1,
                            domain.id() | (std::uint64_t{domain.id()} + 1) << 16),
         "mmu_update of a third one's memory");
    tell(machine.mmu_update(domain.mfn(20) << 12, 1,
                            domain.id() | std::uint64_t{DOMID_FIRST_RESERVED} << 16),
         "mmu_update of nobody's memory");
    tell(machine.mmu_update(domain.mfn(20) << 12, 1, DOMID_FIRST_RESERVED - 1),
         "mmu_update for nobody");
    tell(machine.mmu_update(domain.info().shared_info_frame << 12, 1,
                            domain.id() | (std::uint64_t{domain.id()} + 1) << 16),
         "mmu_update of shared_info");
    const Mapping mapping{machine, domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(21)}};
    tell(domain.update(21, 0, 1), "mmu_update of plain memory that is mapped");
}

void try_m2p(const Domain& domain)
{
    Machine& machine = domain.machine();
    const std::uint64_t pointer = domain.mfn(22) << 12 | MMU_MACHPHYS_UPDATE;
    tell(machine.mmu_update(pointer, 23, domain.id()), "M2P update of another's frame");
    tell(machine.mmu_update(pointer, 22, domain.id()), "M2P update back");
    tell(machine.mmu_update(pointer, 22, domain.id() | (std::uint64_t{domain.id()} + 1) << 16),
         "M2P update, with another's tables");
    tell(machine.mmu_update(pointer, 22, DOMID_SELF), "M2P update of another's frame as one's own");
    tell(machine.mmu_update(~std::uint64_t{0} << 12 | MMU_MACHPHYS_UPDATE, 22, domain.id()),
         "M2P update of mfn ~0");
}

void try_counts(const Domain& domain)
{
    Machine& machine = domain.machine();
    auto* const requests = machine.take<mmu_update_t>(3);
    auto* const done = machine.take<std::uint32_t>();
    const std::uint64_t foreign = domain.id() | (std::uint64_t{domain.id()} + 1) << 16;
    requests[0] = {domain.mfn(20) << 12, 1};
    requests[1] = {~std::uint64_t{0} << 12, 1};
    requests[2] = {domain.mfn(20) << 12, 1};
    tell(machine.hypercall(__HYPERVISOR_mmu_update,
                           {Machine::address_of(requests), 3, Machine::address_of(done), foreign}),
         "mmu_update: good, bad, good");
    say("  done %u", *done);
    tell(machine.hypercall(__HYPERVISOR_mmu_update,
                           {Machine::address_of(requests), 0, Machine::address_of(done), foreign}),
         "mmu_update of nothing");
    say("  done %u", *done);
    tell(machine.hypercall(__HYPERVISOR_mmu_update, {16, 1, 0, foreign}),
         "mmu_update from nowhere");
    auto* const ops = machine.take<mmuext_op_t>(3);
    for (int n = 0; n < 3; ++n) {
        ops[n].cmd = MMUEXT_CLEAR_PAGE;
        ops[n].arg1.mfn = n == 1 ? ~Mfn{0} : domain.mfn(20);
    }
    tell(machine.hypercall(__HYPERVISOR_mmuext_op,
                           {Machine::address_of(ops), 3, Machine::address_of(done), domain.id()}),
         "mmuext_op: good, bad, good");
    say("  done %u", *done);
    tell(machine.hypercall(__HYPERVISOR_mmuext_op, {16, 1, 0, domain.id()}),
         "mmuext_op from nowhere");
}

void try_extended(const Domain& domain, const Domain& other)
{
    Machine& machine = domain.machine();
    const auto op = [&](unsigned cmd, Mfn mfn, Mfn source) {
        return machine.mmuext(cmd, mfn, domain.id(), source);
    };
    tell(op(MMUEXT_CLEAR_PAGE, domain.mfn(20), 0), "clear_page of a page");
    say("  it holds %#lx", domain.read(20)[3]);
    tell(op(MMUEXT_CLEAR_PAGE, domain.mfn(l1), 0), "clear_page of a table");
    tell(op(MMUEXT_CLEAR_PAGE, other.mfn(20), 0), "clear_page of another's page");
    tell(op(MMUEXT_CLEAR_PAGE, ~Mfn{0}, 0), "clear_page of mfn ~0");
    tell(op(MMUEXT_COPY_PAGE, domain.mfn(20), domain.mfn(l1)), "copy_page of a table to a page");
    say("  it holds what the table does: %s", domain.read(20) == domain.read(l1) ? "yes" : "no");
    tell(op(MMUEXT_COPY_PAGE, domain.mfn(l1), domain.mfn(20)), "copy_page of a page to a table");
    tell(op(MMUEXT_COPY_PAGE, domain.mfn(20), other.mfn(20)), "copy_page of another's page");
    tell(op(MMUEXT_COPY_PAGE, domain.mfn(20), ~Mfn{0}), "copy_page of mfn ~0");
    for (const int cmd :
         {MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR, MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL,
          MMUEXT_TLB_FLUSH_MULTI, MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL,
          MMUEXT_FLUSH_CACHE, MMUEXT_SET_LDT, MMUEXT_FLUSH_CACHE_GLOBAL, MMUEXT_MARK_SUPER,
          MMUEXT_UNMARK_SUPER, 99}) {
        tell(op(static_cast<unsigned>(cmd), domain.mfn(l4), 0), "mmuext_op %d for another domain",
             cmd);
    }
}

}  // namespace

void try_updates(Machine& machine)
{
    Domain domain{machine};
    Domain other{machine};
    domain.populate();
    other.populate();
    build(domain);
    try_l1(domain, other);
    try_upper(domain, other);
    try_plain(domain, other);
    try_m2p(domain);
    try_counts(domain);
    try_extended(domain, other);
    tell(domain.unpin(l4), "unpinning the tree");
}

}  // namespace calls
