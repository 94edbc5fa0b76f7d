// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables of a 64-bit guest: pins, types, what validating them does.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

/// Pages of a tree.
constexpr Pfn l4 = 10, l3 = 11, l2 = 12, l1 = 13, content = 14;
constexpr std::size_t slot = 5;

void build_tree(const Domain& domain)
{
    domain.write_one(l1, slot, domain.entry(content, pte::read_write));
    domain.write_one(l2, slot, domain.entry(l1, pte::table));
    domain.write_one(l3, slot, domain.entry(l2, pte::table));
    domain.write_one(l4, slot, domain.entry(l3, pte::table));
}

void tell_types(const Domain& domain)
{
    say("  types: %s, %s, %s, %s; content %s", domain.type(l4).c_str(), domain.type(l3).c_str(),
        domain.type(l2).c_str(), domain.type(l1).c_str(), domain.type(content).c_str());
}

void try_levels(const Domain& domain)
{
    for (unsigned level = 1; level <= 4; ++level) {
        const Pfn pfn = level;
        tell(domain.pin(level, pfn), "pinning an empty page as L%u", level);
        say("  type %s", domain.type(pfn).c_str());
        tell(domain.pin(level, pfn), "pinning it again");
        tell(domain.pin(level % 4 + 1, pfn), "pinning it as L%u too", level % 4 + 1);
        tell(domain.unpin(pfn), "unpinning it");
        say("  type %s", domain.type(pfn).c_str());
        tell(domain.unpin(pfn), "unpinning it again");
    }
    tell(domain.pin(5, 5), "mmuext_op 4 is no pin of an L5");
    tell(domain.unpin(6), "unpinning a page");
}

void try_bad_frames(const Domain& domain, const Domain& other)
{
    Machine& machine = domain.machine();
    const auto pin = [&](Mfn mfn, std::uint64_t id) {
        return machine.mmuext(MMUEXT_PIN_L1_TABLE, mfn, id);
    };
    const auto unpin = [&](Mfn mfn, std::uint64_t id) {
        return machine.mmuext(MMUEXT_UNPIN_TABLE, mfn, id);
    };
    tell(pin(~Mfn{0}, domain.id()), "pinning mfn ~0");
    tell(pin(Mfn{1} << 36, domain.id()), "pinning a frame that is none");
    tell(pin(other.mfn(1), domain.id()), "pinning another's frame");
    tell(pin(domain.info().shared_info_frame, domain.id()), "pinning shared_info");
    tell(pin(domain.mfn(7), DOMID_FIRST_RESERVED - 1), "pinning for nobody");
    tell(pin(domain.mfn(7), DOMID_XEN), "pinning for Xen");
    tell(pin(domain.mfn(7), DOMID_IO), "pinning for a device");
    tell(pin(domain.mfn(7), DOMID_SELF), "pinning a domain's frame as one's own");
    tell(unpin(~Mfn{0}, domain.id()), "unpinning mfn ~0");
    tell(unpin(other.mfn(1), domain.id()), "unpinning another's frame");
}

void try_tree(const Domain& domain)
{
    build_tree(domain);
    tell_types(domain);
    tell(domain.pin(4, l4), "pinning a tree");
    tell_types(domain);
    const Mapping mapping{
        domain.machine(), domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(content)}};
    tell(mapping.error(0), "mapping its content writable");
    tell(domain.pin(3, l3), "pinning its L3 too");
    tell(domain.pin(1, content), "pinning its content as L1");
    tell(domain.unpin(l4), "unpinning the L4");
    tell_types(domain);
    tell(domain.unpin(l3), "unpinning the L3");
    tell_types(domain);
    tell(domain.pin(1, content), "pinning its content as L1, mapped writable");
}

/// What Xen writes into a table.
void try_what_is_written(const Domain& domain)
{
    build_tree(domain);
    domain.write_one(l1, slot, domain.entry(content, pte::present | pte::writable));
    domain.write_one(l2, slot, domain.entry(l1, pte::present | pte::writable));
    domain.write_one(l3, slot, domain.entry(l2, pte::present | pte::writable));
    Page top{};
    top[slot] = domain.entry(l3, pte::present | pte::writable);
    top[256] = top[271] = 0x1234000;
    top[272] = 0x1234000;
    domain.write(l4, top);
    tell(domain.pin(4, l4), "pinning a tree of kernel entries");
    const auto flags = [&](Pfn pfn) { return domain.read(pfn)[slot] & 0xfff0000000000fff; };
    say("  flags: L4 %#lx, L3 %#lx, L2 %#lx, L1 %#lx", flags(l4), flags(l3), flags(l2), flags(l1));
    const Page pinned = domain.read(l4);
    say("  slot 272 %#lx", pinned[272]);
    constexpr std::uint64_t frame = 0x000ffffffffff000;
    std::string list;
    for (std::size_t n = 256; n < 272; ++n) {
        if ((pinned[n] & pte::present) != 0) {
            list += " " + std::to_string(n);
        }
    }
    say("  present:%s; the table itself is in slot 258: %s", list.c_str(),
        (pinned[258] & frame) >> 12 == domain.mfn(l4) ? "yes" : "no");
    tell(domain.unpin(l4), "unpinning it");
    say("  flags: L4 %#lx, L3 %#lx, L2 %#lx, L1 %#lx", flags(l4), flags(l3), flags(l2), flags(l1));
    const Page left = domain.read(l4);
    say("  slot 256 %s as before", left[256] == pinned[256] ? "stays" : "is not");
}

/// A tree that is wrong at the bottom: nothing of it stays.
void try_bad_tree(const Domain& domain, const Domain& other)
{
    build_tree(domain);
    domain.write_one(l1, slot, other.entry(1, pte::read_write));
    tell(domain.pin(4, l4), "pinning a tree whose L1 names another's frame");
    tell_types(domain);
    build_tree(domain);
    domain.write_one(l2, slot, domain.entry(content, pte::table));
    tell(domain.pin(4, l4), "pinning a tree whose L2 names its content");
    tell_types(domain);
    tell(domain.unpin(l4), "unpinning it");
    domain.write_one(content, 1, ~std::uint64_t{0});
    tell(domain.pin(4, l4), "pinning it when that content is no table");
    tell_types(domain);
    domain.clear(content);
    build_tree(domain);
    const Mapping mapping{domain.machine(), domain.id(), PROT_READ | PROT_WRITE, {domain.mfn(l2)}};
    tell(domain.pin(4, l4), "pinning a tree whose L2 is mapped writable");
    tell_types(domain);
}

void try_shared(const Domain& domain)
{
    constexpr Pfn second = 20;
    build_tree(domain);
    domain.write_one(second, slot, domain.entry(l3, pte::table));
    tell(domain.pin(4, l4), "pinning a tree");
    tell(domain.pin(4, second), "pinning a second L4 over the same L3");
    tell(domain.unpin(l4), "unpinning the first");
    tell_types(domain);
    tell(domain.decrease({domain.mfn(l1)}), "decrease_reservation of the L1 in use");
    tell_types(domain);
    tell(domain.unpin(second), "unpinning the second");
    tell_types(domain);
}

}  // namespace

void try_tables(Machine& machine)
{
    Domain domain{machine};
    Domain other{machine};
    domain.populate();
    other.populate();
    try_levels(domain);
    try_bad_frames(domain, other);
    try_tree(domain);
    try_what_is_written(domain);
    try_bad_tree(domain, other);
    try_shared(domain);
}

}  // namespace calls
