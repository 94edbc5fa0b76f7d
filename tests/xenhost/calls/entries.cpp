// SPDX-License-Identifier: LGPL-2.1-or-later
// What an entry of a page table may say: each in a table of its own that is pinned, if Xen lets it.
#include "tests/xenhost/calls/sections.hpp"

#include <sys/mman.h>

namespace calls {
namespace {

constexpr Pfn table = 10, below = 11, content = 12;
constexpr std::size_t slot = 7;

/// Pins a table with one entry, and says how that entry looks then.
void try_entry(const Domain& domain, unsigned level, std::uint64_t entry, const char* what)
{
    domain.write_one(table, slot, entry);
    const Result result = domain.pin(level, table);
    tell(result, "L%u entry: %s", level, what);
    if (result < 0) {
        return;
    }
    const std::uint64_t now = domain.read(table)[slot];
    if (now >> 12 << 12 == entry >> 12 << 12) {
        say("  stays but for flags %#lx", now ^ entry);
    } else {
        say("  has changed in its upper part, by %#lx", (now ^ entry) >> 52 << 52);
    }
    const Result unpinned = domain.unpin(table);
    if (unpinned < 0) {
        tell(unpinned, "  unpinning");
    }
}

struct Flag {
    const char* name;
    std::uint64_t bit;
};

constexpr Flag flags[] = {
    {"no access, no dirty", 0},
    {"PWT", 1U << 3},
    {"PCD", 1U << 4},
    {"PAT, or PSE above an L1", 1U << 7},
    {"global", 1U << 8},
    {"available bit 9", 1U << 9},
    {"available bit 10", 1U << 10},
    {"available bit 11", 1U << 11},
    {"bit 52", std::uint64_t{1} << 52},
    {"bit 58", std::uint64_t{1} << 58},
    {"bit 59", std::uint64_t{1} << 59},
    {"bit 62", std::uint64_t{1} << 62},
    {"no-execute", std::uint64_t{1} << 63},
};

void try_flags(const Domain& domain)
{
    constexpr std::uint64_t base = pte::present | pte::writable | pte::user;
    for (unsigned level = 1; level <= 4; ++level) {
        for (const Flag& flag : flags) {
            domain.clear(below);
            try_entry(domain, level, domain.entry(level == 1 ? content : below, base | flag.bit),
                      flag.name);
        }
        try_entry(domain, level, domain.entry(level == 1 ? content : below, pte::present),
                  "present only");
        try_entry(domain, level, domain.entry(content, base & ~pte::present), "not present");
        try_entry(domain, level, ~pte::present, "not present, all other bits");
        try_entry(domain, level, ~std::uint64_t{0}, "all bits");
    }
}

void try_frames(const Domain& domain, const Domain& other)
{
    const auto both = [&](unsigned level, Mfn mfn, const char* what) {
        try_entry(domain, level, mfn << 12 | pte::read_write, what);
        try_entry(domain, level, mfn << 12 | pte::read_only,
                  (std::string{what} + ", read-only").c_str());
    };
    for (const unsigned level : {1U, 2U, 4U}) {
        both(level, other.mfn(1), "another's frame");
        both(level, std::uint64_t{1} << 39, "a frame that is none");
        both(level, domain.info().shared_info_frame, "shared_info");
        both(level, domain.mfn(table), "itself");
    }
    domain.clear(below);
    tell(domain.pin(1, below), "pinning an L1");
    both(1, domain.mfn(below), "that pinned L1");
    both(2, domain.mfn(below), "that pinned L1");
    both(3, domain.mfn(below), "that pinned L1");
    tell(domain.unpin(below), "unpinning it");
    tell(domain.pin(2, below), "pinning an L2");
    both(1, domain.mfn(below), "that pinned L2");
    both(2, domain.mfn(below), "that pinned L2");
    both(3, domain.mfn(below), "that pinned L2");
    tell(domain.unpin(below), "unpinning it");
    tell(domain.pin(4, below), "pinning an L4");
    both(4, domain.mfn(below), "that pinned L4");
    both(3, domain.mfn(below), "that pinned L4");
    tell(domain.unpin(below), "unpinning it");
}

/// Tables that name themselves, in more than one slot.
void try_linear(const Domain& domain)
{
    Page page{};
    page[1] = page[2] = domain.entry(table, pte::read_only);
    for (unsigned level = 2; level <= 4; ++level) {
        domain.write(table, page);
        tell(domain.pin(level, table), "L%u that names itself twice", level);
        say("  type %s", domain.type(table).c_str());
        tell(domain.unpin(table), "unpinning it");
    }
    domain.clear(below);
    tell(domain.pin(2, below), "pinning an L2");
    page = {};
    page[1] = domain.entry(below, pte::read_only);
    domain.write(table, page);
    tell(domain.pin(2, table), "pinning an L2 that names that one");
    tell(domain.update(below, 1, domain.entry(table, pte::read_only)),
         "having that one name it too");
    tell(domain.unpin(below), "unpinning the one that is named");
    say("  type %s", domain.type(below).c_str());
    tell(domain.unpin(table), "unpinning the other");
    say("  types %s, %s", domain.type(table).c_str(), domain.type(below).c_str());
}

/// Every slot of an L4 in turn would be too many lines; the edges of Xen's.
void try_xen_slots(const Domain& domain)
{
    for (const std::size_t at : {255U, 256U, 257U, 271U, 272U, 511U}) {
        domain.clear(below);
        domain.write_one(table, at, domain.entry(content, pte::table) | std::uint64_t{1} << 62);
        tell(domain.pin(4, table), "L4 with a bad entry in slot %zu", at);
        (void)domain.unpin(table);
    }
}

}  // namespace

void try_entries(Machine& machine)
{
    Domain domain{machine};
    Domain other{machine};
    domain.populate();
    other.populate();
    try_flags(domain);
    try_frames(domain, other);
    machine.release();
    try_linear(domain);
    try_xen_slots(domain);
}

}  // namespace calls
