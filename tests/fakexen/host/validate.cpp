// SPDX-License-Identifier: LGPL-2.1-or-later
// Making a frame a page table or descriptor table: each entry is checked and takes its references; and back.
#include "tests/fakexen/host/descriptors.hpp"
#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/page_types.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>

namespace fakexen {
namespace {

constexpr unsigned nr_entries = 512;

/// What an entry of a table names.
FrameType type_below(FrameType table, unsigned slot, const Domain& owner)
{
    switch (table) {
    case FrameType::l4_table:
        return FrameType::l3_table;
    case FrameType::l3_table:
        return owner.is_32bit && slot == pae_l3_xen_slot ? FrameType::xen_l2_table
                                                         : FrameType::l2_table;
    case FrameType::l2_table:
    case FrameType::xen_l2_table:
        return FrameType::l1_table;
    case FrameType::l1_table:
    case FrameType::none:
    case FrameType::segment:
    case FrameType::writable:
        break;
    }
    return FrameType::none;
}

/// What Xen adds to the entries of a 32-bit guest's L3 while it is validated.
constexpr std::uint64_t pae_l3_added = pte::user | pte::writable;

/// The entry as the guest gets it back when its L3 is none any more.
std::uint64_t restored_pae_l3_entry(std::uint64_t entry)
{
    return (entry & pte::present) != 0 ? entry & ~(pae_l3_added | pte::accessed) : entry;
}

}  // namespace

std::uint64_t disallowed_flags(FrameType level, const Domain& owner) noexcept
{
    if (level == FrameType::l1_table) {
        return pte::disallowed_l1;
    }
    return level == FrameType::l3_table && owner.is_32bit ? pte::disallowed_pae_l3
                                                          : pte::disallowed;
}

std::uint64_t adjusted_entry(std::uint64_t entry, FrameType level, const Domain& owner) noexcept
{
    if ((entry & pte::present) == 0) {
        return entry;
    }
    if (owner.is_32bit) {
        return level == FrameType::l3_table ? entry | pae_l3_added : entry;
    }
    switch (level) {
    case FrameType::l1_table:
        if ((entry & pte::user) == 0) {
            entry |= pte::guest_kernel | pte::user;
        }
        if ((entry & pte::guest_kernel) == 0) {
            entry |= pte::global | pte::user;
        }
        return entry;
    case FrameType::l4_table:
        return entry | pte::user | pte::accessed;
    case FrameType::l2_table:
    case FrameType::xen_l2_table:
    case FrameType::l3_table:
        return entry | pte::user;
    case FrameType::none:
    case FrameType::segment:
    case FrameType::writable:
        break;
    }
    return entry;
}

int PageTypes::refuse_slot(int error, Mfn table, FrameType level, unsigned slot,
                           std::uint64_t entry)
{
    log_.warning("%s table mfn %#" PRIx64 " (pfn %#" PRIx64 ") slot %u: entry %#" PRIx64
                 " refused with %d",
                 to_string(level), table.number(), machine_.m2p(table), slot, entry, error);
    return error;
}

int PageTypes::validate(Mfn mfn, FrameType type, Domain& owner)
{
    mark_dirty(mfn);
    FrameState& frame = machine_.frame(mfn);
    frame.linear_count = 0;
    int error = 0;
    switch (type) {
    case FrameType::l1_table:
        error = validate_l1(mfn, owner);
        break;
    case FrameType::l2_table:
    case FrameType::xen_l2_table:
    case FrameType::l3_table:
    case FrameType::l4_table:
        error = validate_upper(mfn, type, owner);
        break;
    case FrameType::segment:
        error = validate_segment(mfn, owner);
        break;
    case FrameType::none:
    case FrameType::writable:
        error = -EINVAL;
        break;
    }
    if (error != 0) {
        frame.type_count = 0;
        frame.type = FrameType::none;
        return error;
    }
    frame.validated = true;
    return 0;
}

int PageTypes::validate_l1(Mfn mfn, Domain& owner)
{
    const auto entries = machine_.entries(mfn);
    for (unsigned slot = 0; slot < nr_entries; ++slot) {
        const std::uint64_t entry = entries[slot];
        if ((entry & pte::present) == 0) {
            continue;
        }
        if (const int error = get_for_l1_entry(entry, owner); error != 0) {
            while (slot-- > 0) {
                put_for_l1_entry(entries[slot]);
            }
            return refuse_slot(error, mfn, FrameType::l1_table, slot + 1, entry);
        }
        entries[slot] = adjusted_entry(entry, FrameType::l1_table, owner);
    }
    return 0;
}

int PageTypes::validate_upper(Mfn mfn, FrameType type, Domain& owner)
{
    const auto entries = machine_.entries(mfn);
    const bool is_pae_l3 = type == FrameType::l3_table && owner.is_32bit;
    if (is_pae_l3) {
        // A guest need not initialise the rest of the page, but the CPU sees it.
        std::fill(entries.begin() + nr_pae_l3_entries, entries.end(), 0);
    }
    for (unsigned slot = 0; slot < nr_entries; ++slot) {
        const std::uint64_t entry = entries[slot];
        const bool is_required = is_pae_l3 && slot == pae_l3_xen_slot;
        if (is_xen_slot(type, slot) || ((entry & pte::present) == 0 && !is_required)) {
            continue;
        }
        if (const int error = get_for_upper_entry(entry, slot, mfn, owner); error != 0) {
            (void)refuse_slot(error, mfn, type, slot, entry);
            put_upper_entries(mfn, slot);
            return error;
        }
        entries[slot] = adjusted_entry(entry, type, owner);
    }
    write_xen_slots(mfn, type, owner);
    return 0;
}

int PageTypes::validate_segment(Mfn mfn, const Domain& owner)
{
    for (std::uint64_t& descriptor : machine_.entries(mfn)) {
        std::uint64_t fixed = descriptor;
        if (!fix_descriptor(fixed, owner.is_32bit)) {
            log_.warning("descriptor %#" PRIx64 " in mfn %#" PRIx64 " refused", fixed,
                         mfn.number());
            return -EINVAL;
        }
        if (fixed != descriptor) {
            descriptor = fixed;
        }
    }
    return 0;
}

void PageTypes::put_upper_entries(Mfn table, unsigned end)
{
    const FrameState& frame = machine_.frame(table);
    const bool is_pae_l3 = frame.type == FrameType::l3_table && frame.owner->is_32bit;
    const auto entries = machine_.entries(table);
    for (unsigned slot = 0; slot < end; ++slot) {
        if (is_xen_slot(frame.type, slot)) {
            continue;
        }
        put_for_upper_entry(entries[slot], table);
        if (is_pae_l3) {
            entries[slot] = restored_pae_l3_entry(entries[slot]);
        }
    }
}

void PageTypes::devalidate(Mfn mfn, FrameType type)
{
    mark_dirty(mfn);
    FrameState& frame = machine_.frame(mfn);
    if (type == FrameType::l1_table) {
        for (const std::uint64_t entry : machine_.entries(mfn)) {
            put_for_l1_entry(entry);
        }
        return;
    }
    put_upper_entries(mfn, nr_entries);
    if (type == FrameType::l4_table) {
        --frame.owner->nr_l4_tables;
    } else if (type == FrameType::xen_l2_table) {
        frame.type = FrameType::l2_table;  // what is remembered of it
    }
}

int PageTypes::get_for_l1_entry(std::uint64_t entry, const Domain& owner)
{
    if ((entry & pte::disallowed_l1) != 0) {
        return -EINVAL;
    }
    const Mfn mfn = pte::frame_of(entry);
    if (!machine_.is_ram(mfn) && !machine_.is_m2p(mfn)) {
        return mfn.number() == pte::invalid_frame ? -EINVAL : -EPERM;  // I/O space; a domU has none
    }
    if (!get_page(mfn, owner)) {
        return -EBUSY;
    }
    if ((entry & pte::writable) != 0 && get_type(mfn, FrameType::writable) != 0) {
        put_page(mfn);
        return -EBUSY;
    }
    return 0;
}

void PageTypes::put_for_l1_entry(std::uint64_t entry)
{
    const Mfn mfn = pte::frame_of(entry);
    if ((entry & pte::present) == 0 || !machine_.is_ram(mfn)) {
        return;
    }
    if ((entry & pte::writable) != 0) {
        put_page_and_type(mfn);
    } else {
        put_page(mfn);
    }
}

int PageTypes::get_for_upper_entry(std::uint64_t entry, unsigned slot, Mfn table,
                                   const Domain& owner)
{
    const FrameType type = machine_.frame(table).type;
    if ((entry & pte::present) == 0 || (entry & disallowed_flags(type, owner)) != 0) {
        return -EINVAL;  // PSE among them: a guest has no superpages
    }
    const FrameType wanted = type_below(type, slot, owner);
    const Mfn mfn = pte::frame_of(entry);
    const int error = get_page_and_type(mfn, wanted, owner);
    if (error == 0 && wanted == FrameType::xen_l2_table && machine_.frame(mfn).type_count != 1) {
        log_.warning("d%u: mfn %#" PRIx64 " with Xen's entries is in another L3 already", owner.id,
                     mfn.number());
        put_page_and_type(mfn);
        return -EINVAL;
    }
    const bool may_be_linear = type != FrameType::l3_table || !owner.is_32bit;
    if (error == -EINVAL && may_be_linear && get_linear(entry, table, owner)) {
        return 0;
    }
    return error;
}

void PageTypes::put_for_upper_entry(std::uint64_t entry, Mfn table)
{
    const Mfn mfn = pte::frame_of(entry);
    if ((entry & pte::present) == 0 || mfn == table) {
        return;
    }
    FrameState& frame = machine_.frame(mfn);
    FrameState& user = machine_.frame(table);
    if (level_of(frame.type) == level_of(user.type)) {
        ++frame.linear_count;
        --user.linear_count;
    }
    put_page_and_type(mfn);
}

// A table may name itself, or another table of its own level, read-only ("linear page tables"). An entry that names
// its own table takes no reference. One that names another takes what any entry does, if the other is
// validated and has no such entries itself, and this one is not named so elsewhere: there are no chains.
bool PageTypes::get_linear(std::uint64_t entry, Mfn table, const Domain& owner)
{
    if ((entry & pte::writable) != 0) {
        return false;
    }
    const Mfn mfn = pte::frame_of(entry);
    if (mfn == table) {
        return true;
    }
    if (!get_page(mfn, owner)) {
        return false;
    }
    FrameState& used = machine_.frame(mfn);
    FrameState& user = machine_.frame(table);
    const bool fits = user.linear_count >= 0 && used.linear_count <= 0 &&
                      level_of(used.type) == level_of(user.type) && used.validated &&
                      used.type_count > 0;
    if (!fits) {
        put_page(mfn);
        return false;
    }
    ++user.linear_count;
    --used.linear_count;
    ++used.type_count;
    return true;
}

void PageTypes::write_xen_slots(Mfn table, FrameType type, const Domain& owner)
{
    if (type == FrameType::l4_table) {
        write_xen_l4_slots(table, owner);
        ++machine_.frame(table).owner->nr_l4_tables;
    } else if (type == FrameType::xen_l2_table) {
        write_xen_l2_slots(table);
    }
}

// The compat M2P by large pages, read-only: the first of them from 0xf5800000 on.
void PageTypes::write_xen_l2_slots(Mfn l2)
{
    constexpr std::uint64_t frames_each = 512;
    const std::uint64_t nr_pieces = machine_.compat_m2p_nr_frames() / frames_each;
    const auto entries = machine_.entries(l2);
    for (unsigned slot = xen_l2_slot_first; slot < nr_entries; ++slot) {
        const std::uint64_t piece = slot - xen_l2_slot_first;
        const Mfn first{machine_.compat_m2p_first_mfn() + piece * frames_each};
        entries[slot] = piece < nr_pieces ? pte::make(first, pte::present | pte::large) : 0;
    }
}

// Frames of Xen's own, which no guest can name: below RAM of any host.
void PageTypes::write_xen_l4_slots(Mfn l4, const Domain& owner)
{
    constexpr std::uint64_t hypervisor = pte::present | pte::writable | pte::accessed | pte::dirty;
    constexpr unsigned slot_ro_m2p = 256;
    constexpr unsigned slot_mmconfig = 257;
    constexpr unsigned slot_linear = 258;
    constexpr unsigned slot_shadow_linear = 259;
    constexpr unsigned slot_direct_map = 262;  // the first of these; more only beyond 512 GiB
    constexpr std::uint64_t xen_frames = 0x100;
    const bool m2p_strict = (owner.vm_assist >> VMASST_TYPE_m2p_strict & 1) != 0;
    const auto entries = machine_.entries(l4);
    for (unsigned slot = xen_l4_slot_first; slot <= xen_l4_slot_last; ++slot) {
        const bool is_used = slot != slot_mmconfig && slot <= slot_direct_map;
        entries[slot] = is_used ? pte::make(Mfn{xen_frames + slot}, hypervisor) : 0;
    }
    entries[slot_linear] = pte::make(l4, hypervisor);
    entries[slot_shadow_linear] = 0;
    if (!m2p_strict) {
        entries[slot_ro_m2p] = 0;  // until it is loaded
    }
}

}  // namespace fakexen
