// SPDX-License-Identifier: LGPL-2.1-or-later
// Building, changing and dropping address spaces. Every table has a twin, plain memory that holds
// its entries with pfns, so that after a restore each entry can be checked.
#include "tests/fakexen/guest/processes.hpp"

#include "tests/fakexen/guest/balloon.hpp"
#include "tests/fakexen/guest/pages.hpp"
#include "tests/fakexen/guest/vcpus.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstring>

namespace fakexen::guest {

namespace {

using Entries = std::array<std::uint64_t, entries_per_table>;  ///< frame fields hold pfns

constexpr std::uint64_t stale_per_drop = 2;  ///< of how many tables one stays stale for a while

void give_page(Kernel& kernel, Pfn pfn)
{
    kernel.set_record(pfn, {kernel.record(pfn).version, Role::data, 0, 0});
    rewrite_page(kernel, pfn);
}

void count_reference(Kernel& kernel, std::uint64_t entry, int change)
{
    if ((entry & pte::present) != 0) {
        PageRecord record = kernel.record(pte::frame(entry));
        record.owner = static_cast<std::uint16_t>(record.owner + change);
        kernel.set_record(pte::frame(entry), record);
    }
}

/// An entry of an L1: a data page, mapped one way or another, or something that is not present.
std::uint64_t make_leaf_entry(Kernel& kernel)
{
    Random random = kernel.random();
    if (random.one_in(3)) {
        return random.next() & ~std::uint64_t{pte::present};
    }
    const auto pfn = kernel.pick_free_data();
    if (!pfn) {
        return 0;
    }
    const std::uint64_t access = random.one_in(2) ? pte::read_write : pte::read_only;
    return pte::make(*pfn, access | (random.next() & pte::free_to_use));
}

Entries make_leaf(Kernel& kernel)
{
    Entries entries{};
    for (int n = 0; n < 64; ++n) {
        std::uint64_t& entry = entries[kernel.random().below(entries.size())];
        if (entry == 0) {
            entry = make_leaf_entry(kernel);
            count_reference(kernel, entry, 1);
        }
    }
    return entries;
}

/// The entries of a kernel table in some slots.
void copy_slots(const Kernel& kernel, Pfn table, Slots slots, Entries& entries)
{
    for (std::size_t slot = slots.first; slot < slots.end; ++slot) {
        const auto entry = kernel.load<std::uint64_t>(table, slot * 8);
        entries[slot] = normalised(kernel, entry).value_or(0);
    }
}

/// An upper table: one entry for the table below, in a full address space also the kernel's own
/// slots.
Entries make_upper(Kernel& kernel, const Process& process, unsigned level)
{
    const Abi& abi = kernel.abi();
    const Pfn top = kernel.state.places.top_table;
    Entries entries{};
    if (level != abi.levels) {
        const std::size_t own = kernel.random().below(entries.size());
        entries[own] = pte::make(process.table[level - 1], pte::table);
        if (kernel.random().one_in(4)) {
            // A table may name itself, read-only: the kernel's window on its own tables.
            entries[(own + 1) % entries.size()] = pte::make(process.table[level], pte::read_only);
        }
        return entries;
    }
    const std::size_t own = kernel.random().below(abi.user_slots.end);
    copy_slots(kernel, top, abi.kernel_slots, entries);
    entries[own] = pte::make(process.table[level - 1], abi.top_flags);
    if (abi.has_high_table()) {
        entries[Abi::high_slot] = pte::make(process.table[Abi::high_part], abi.top_flags);
    } else if (kernel.random().one_in(4)) {
        entries[(own + 1) % abi.user_slots.end] = pte::make(process.table[level], pte::read_only);
    }
    return entries;
}

/// PAE: the L2 of slot 3, which each address space needs for itself: the kernel's own, without Xen's entries.
Entries make_high(const Kernel& kernel)
{
    const auto entry =
        kernel.load<std::uint64_t>(kernel.state.places.top_table, Abi::high_slot * 8);
    const auto table = kernel.pfn_of(pte::frame(entry));
    Entries entries{};
    copy_slots(kernel, table.value(), {0, kernel.abi().high_xen_slots.first}, entries);
    return entries;
}

Entries make_table(Kernel& kernel, const Process& process, unsigned part)
{
    if (part == 1) {
        return make_leaf(kernel);
    }
    return part > kernel.abi().levels ? make_high(kernel) : make_upper(kernel, process, part);
}

/// Writes a table with machine frames into its page, which is still plain memory, then protects it.
void write_table(Kernel& kernel, Pfn pfn, const Entries& entries)
{
    for (std::size_t slot = 0; slot < entries.size(); ++slot) {
        const std::uint64_t entry = entries[slot];
        const std::uint64_t real =
            (entry & pte::present) == 0
                ? entry
                : pte::make(kernel.p2m(pte::frame(entry)), entry & ~pte::frame_mask);
        kernel.store(pfn, slot * 8, real);
    }
    kernel.remap(pfn, pte::read_only);
}

/// Takes two pages a level for a process. @return false, having taken none, if there are too few
bool take_pages(Kernel& kernel, std::size_t index, Process& process)
{
    for (unsigned part = 1; part <= kernel.abi().nr_parts(process.top); ++part) {
        for (const Role role : {Role::process, Role::twin}) {
            const auto pfn = kernel.pick_free_data();
            if (!pfn) {
                for (unsigned taken = 1; taken <= part; ++taken) {
                    for (const Pfn back : {process.table[taken], process.twin[taken]}) {
                        if (back != 0) {
                            give_page(kernel, back);
                        }
                    }
                }
                return false;
            }
            kernel.set_record(*pfn,
                              {kernel.record(*pfn).version, role, static_cast<std::uint8_t>(part),
                               static_cast<std::uint16_t>(index)});
            (role == Role::process ? process.table : process.twin)[part] = *pfn;
        }
    }
    return true;
}

void hold_tables(Kernel& kernel, const Process& process)
{
    const Mfn top = kernel.p2m(process.table[process.top]);
    if (process.hold == Hold::user) {
        load_user_table(kernel, process.table[process.top]);
    } else if (process.hold == Hold::pinned) {
        must(kernel.machine().mmuext(MMUEXT_PIN_L1_TABLE + process.top - 1, top),
             "pinning a table");
    } else {
        must(kernel.machine().mmuext(MMUEXT_NEW_BASEPTR, top, process.vcpu), "loading a table");
    }
}

void release_tables(Kernel& kernel, const Process& process)
{
    if (process.hold == Hold::user) {
        load_user_table(kernel, kernel.state.places.top_table);
    } else if (process.hold == Hold::pinned) {
        must(kernel.machine().mmuext(MMUEXT_UNPIN_TABLE, kernel.p2m(process.table[process.top])),
             "unpinning a table");
    } else {
        must(kernel.machine().mmuext(MMUEXT_NEW_BASEPTR, kernel.p2m(kernel.state.places.top_table),
                                     process.vcpu),
             "loading the kernel's table");
    }
}

constexpr std::uint8_t stale_for_good = 1;  ///< PageRecord::level

/// A table that was just let go: its octets stay, and count as plain data from now on, or it is
/// freed.
void retire_table(Kernel& kernel, Pfn pfn, bool for_good)
{
    const bool stays = for_good || kernel.random().one_in(stale_per_drop);
    if (stays) {
        const std::uint8_t how = for_good ? stale_for_good : 0;
        kernel.set_record(pfn, {hash_of(kernel.page(pfn, Access::read)), Role::stale, how, 0});
    } else {
        kernel.remap(pfn, pte::read_write);
        give_page(kernel, pfn);
    }
}

void free_some_stale_page(Kernel& kernel)
{
    for (int tries = 0; tries < 256; ++tries) {
        const Pfn pfn = kernel.random().below(kernel.state.settings.nr_pfns);
        const PageRecord record = kernel.record(pfn);
        if (record.role == Role::stale && record.level != stale_for_good) {
            kernel.remap(pfn, pte::read_write);
            kernel.set_record(pfn,
                              {0, Role::stale, 0, 0});  // its version was a hash of machine frames
            give_page(kernel, pfn);
            return;
        }
    }
}

bool is_in_use(const Kernel& kernel, const Process& process)
{
    const Pfn top = process.table[process.top];
    return process.hold == Hold::pinned &&
           (top == kernel.state.kernel_cr3 || top == kernel.state.user_cr3);
}

}  // namespace

std::optional<std::uint64_t> normalised(const Kernel& kernel, std::uint64_t entry)
{
    if ((entry & pte::present) == 0) {
        return entry;
    }
    const auto pfn = kernel.pfn_of(pte::frame(entry));
    if (!pfn) {
        return {};
    }
    return pte::make(*pfn, entry & ~pte::frame_mask);
}

/// The first slot is vCPU 0's user table, the next are the other vCPUs' tables; nobody pins those.
Hold hold_of_slot(const Kernel& kernel, std::size_t index)
{
    if (index == 0) {
        return kernel.abi().has_user_table ? Hold::user : Hold::pinned;
    }
    constexpr std::size_t most_loaded = 4;
    return index < std::min<std::size_t>(kernel.nr_online(), most_loaded) ? Hold::loaded
                                                                          : Hold::pinned;
}

bool build_process(Kernel& kernel, std::size_t index, unsigned top, Hold hold)
{
    Process process{.hold = hold,
                    .top = top,
                    .vcpu = static_cast<std::uint32_t>(index),
                    .reserved = 0,
                    .table = {},
                    .twin = {}};
    if (!take_pages(kernel, index, process)) {
        return false;
    }
    for (unsigned part = 1; part <= kernel.abi().nr_parts(top); ++part) {
        const Entries entries = make_table(kernel, process, part);
        write_table(kernel, process.table[part], entries);
        kernel.store(process.twin[part], 0, entries);
    }
    hold_tables(kernel, process);
    kernel.state.processes[index] = process;
    return true;
}

void drop_process(Kernel& kernel, std::size_t index, bool for_good)
{
    Process& process = kernel.state.processes[index];
    release_tables(kernel, process);
    const auto leaf = kernel.load<Entries>(process.twin[1]);
    for (const std::uint64_t entry : leaf) {
        count_reference(kernel, entry, -1);
    }
    for (unsigned part = kernel.abi().nr_parts(process.top); part != 0; --part) {
        retire_table(kernel, process.table[part], for_good);
        give_page(kernel, process.twin[part]);
    }
    process.hold = Hold::unused;
}

void leave_stale_tables(Kernel& kernel, std::size_t index)
{
    const auto leaf = kernel.load<Entries>(kernel.state.processes[index].twin[1]);
    drop_process(kernel, index, true);
    for (const std::uint64_t entry : leaf) {
        if ((entry & pte::present) == 0) {
            continue;
        }
        const PageRecord record = kernel.record(pte::frame(entry));
        if (record.role == Role::data && record.owner == 0) {
            balloon_out(kernel, pte::frame(entry));
            ++kernel.state.settings.nr_given_back;
        }
    }
}

void change_entry(Kernel& kernel, std::size_t index)
{
    const Process& process = kernel.state.processes[index];
    const std::size_t slot = kernel.random().below(entries_per_table);
    const std::uint64_t entry = make_leaf_entry(kernel);
    const std::uint64_t real =
        (entry & pte::present) == 0
            ? entry
            : pte::make(kernel.p2m(pte::frame(entry)), entry & ~pte::frame_mask);
    must(kernel.update_entry(kernel.p2m(process.table[1]), slot, real), "changing an L1 entry");
    count_reference(kernel, kernel.load<std::uint64_t>(process.twin[1], slot * 8), -1);
    count_reference(kernel, entry, 1);
    kernel.store(process.twin[1], slot * 8, entry);
}

void work_on_processes(Kernel& kernel)
{
    if ((kernel.state.settings.workload & workload_tables) == 0) {
        return;
    }
    Random random = kernel.random();
    const std::size_t index = random.below(max_processes);
    const Process& process = kernel.state.processes[index];
    if (process.hold == Hold::unused) {
        const Hold hold = hold_of_slot(kernel, index);
        const unsigned levels = kernel.abi().levels;
        const bool whole = hold != Hold::pinned || random.one_in(2);
        const auto top = whole ? levels : static_cast<unsigned>(1 + random.below(levels - 1));
        (void)build_process(kernel, index, top, hold);
    } else if (random.one_in(4) && !is_in_use(kernel, process)) {
        drop_process(kernel, index, false);
    } else {
        change_entry(kernel, index);
    }
    if (random.one_in(3)) {
        free_some_stale_page(kernel);
    }
}

}  // namespace fakexen::guest
