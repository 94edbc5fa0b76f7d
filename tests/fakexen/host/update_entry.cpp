// SPDX-License-Identifier: LGPL-2.1-or-later
// Replacing one entry of a page table that is in use.
#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/page_types.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <atomic>
#include <cerrno>

namespace fakexen {
namespace {

/// Whether the update needs no references: both entries are present and alike but for flags that matter to nobody
/// but the guest. The writable flag does: it decides about type references, and about linear entries.
bool is_harmless(std::uint64_t from, std::uint64_t to, FrameType level)
{
    std::uint64_t harmless = pte::accessed | pte::dirty | pte::available | pte::available_high |
                             pte::no_execute | pte::user;
    if (level == FrameType::l1_table) {
        harmless |= pte::global;
    }
    return (from & pte::present) != 0 && ((from ^ to) & ~harmless) == 0;
}

/// Whether a guest may change this slot at all. 0 or -errno
int check_slot(FrameType type, unsigned slot, const Domain& owner)
{
    if (!is_table(type)) {
        return -EINVAL;
    }
    if (is_xen_slot(type, slot)) {
        return type == FrameType::xen_l2_table ? -EPERM : -EINVAL;
    }
    const bool in_pae_l3 = type == FrameType::l3_table && owner.is_32bit;
    return in_pae_l3 && slot >= pae_l3_xen_slot ? -EINVAL : 0;
}

void write_entry(std::uint64_t& at, std::uint64_t entry, KeepBits keep)
{
    // Its owner's CPUs set accessed and dirty meanwhile.
    std::atomic_ref<std::uint64_t> cell{at};
    std::uint64_t old = cell.load();
    std::uint64_t written = entry;
    do {
        written = entry;
        if (keep == KeepBits::accessed_dirty) {
            written |= old & (pte::accessed | pte::dirty);
        }
    } while (!cell.compare_exchange_weak(old, written));
}

}  // namespace

std::uint64_t PageTypes::swap_l1_entry(Mfn table, unsigned slot, std::uint64_t entry)
{
    mark_dirty(table);
    return std::atomic_ref{machine_.entries(table)[slot]}.exchange(entry);
}

int PageTypes::update_entry(Mfn table, unsigned slot, std::uint64_t entry, KeepBits keep,
                            const Domain& owner, const Domain& frame_owner)
{
    const FrameType level = machine_.frame(table).type;
    if (const int error = check_slot(level, slot, owner); error != 0) {
        return error;
    }
    std::uint64_t& at = machine_.entries(table)[slot];
    const std::uint64_t old = at;
    const bool is_l1 = level == FrameType::l1_table;
    if ((entry & pte::present) != 0) {
        if ((entry & disallowed_flags(level, owner)) != 0) {
            return -EINVAL;
        }
        entry = adjusted_entry(entry, level, owner);
        if (is_harmless(old, entry, level)) {
            write_entry(at, entry, keep);
            mark_dirty(table);
            return 0;
        }
        const int error = is_l1 ? get_for_l1_entry(entry, frame_owner)
                                : get_for_upper_entry(entry, slot, table, owner);
        if (error != 0) {
            return error;  // a guest may try: kernels probe what they may map
        }
    }
    write_entry(at, entry, keep);
    mark_dirty(table);
    if (is_l1) {
        put_for_l1_entry(old);
    } else {
        put_for_upper_entry(old, table);
    }
    return 0;
}

}  // namespace fakexen
