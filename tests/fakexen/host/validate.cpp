// SPDX-License-Identifier: LGPL-2.1-or-later
// Making a frame a page table or descriptor table: each entry is checked and takes its references; and back.
#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/page_types.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <cassert>
#include <cerrno>
#include <cinttypes>

namespace fakexen {
namespace {

constexpr unsigned nr_entries = 512;

FrameType level_below(FrameType level)
{
    assert(level >= FrameType::l2_table && level <= FrameType::l4_table);
    return static_cast<FrameType>(static_cast<int>(level) - 1);
}

bool is_xen_slot(FrameType level, unsigned slot)
{
    return level == FrameType::l4_table && slot >= xen_l4_slot_first && slot <= xen_l4_slot_last;
}

/// A segment descriptor that a PV guest may have: Intel SDM vol. 3A, "Segment Descriptors". Xen lifts privilege
/// level 0 to the guest kernel's, lets call gates to the guest's own code pass, and refuses all other system ones.
bool fix_descriptor(std::uint64_t& descriptor)
{
    constexpr std::uint32_t present = 1U << 15;
    constexpr std::uint32_t not_system = 1U << 12;
    constexpr std::uint32_t type_mask = 0xf00;
    constexpr std::uint32_t call_gate = 0xc00;
    const auto high = static_cast<std::uint32_t>(descriptor >> 32);
    if ((high & present) == 0) {
        return true;
    }
    if ((high & not_system) == 0) {
        if ((high & type_mask) == 0) {
            return true;
        }
        // The second half of a 64-bit call gate has type 0; reserved bits must be clear.
        return (high & type_mask) == call_gate && (high & 0xff) == 0;
    }
    const std::uint32_t level = high >> 13 & 3;
    const std::uint32_t lifted = level == 0 ? 3 : level;
    descriptor |= std::uint64_t{lifted} << 45;
    return true;
}

}  // namespace

std::uint64_t adjusted_entry(std::uint64_t entry, FrameType level) noexcept
{
    if ((entry & pte::present) == 0) {
        return entry;
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
    case FrameType::l3_table:
    case FrameType::l4_table:
        error = validate_upper(mfn, type, owner);
        break;
    case FrameType::segment:
        error = validate_segment(mfn);
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
        entries[slot] = adjusted_entry(entry, FrameType::l1_table);
    }
    return 0;
}

int PageTypes::validate_upper(Mfn mfn, FrameType type, Domain& owner)
{
    const auto entries = machine_.entries(mfn);
    for (unsigned slot = 0; slot < nr_entries; ++slot) {
        const std::uint64_t entry = entries[slot];
        if (is_xen_slot(type, slot) || (entry & pte::present) == 0) {
            continue;
        }
        if (const int error = get_for_upper_entry(entry, type, mfn, owner); error != 0) {
            (void)refuse_slot(error, mfn, type, slot, entry);
            while (slot-- > 0) {
                if (!is_xen_slot(type, slot)) {
                    put_for_upper_entry(entries[slot], type, mfn);
                }
            }
            return error;
        }
        entries[slot] = adjusted_entry(entry, type);
    }
    if (type == FrameType::l4_table) {
        write_xen_slots(mfn, owner);
        ++owner.nr_l4_tables;
    }
    return 0;
}

int PageTypes::validate_segment(Mfn mfn)
{
    for (std::uint64_t& descriptor : machine_.entries(mfn)) {
        std::uint64_t fixed = descriptor;
        if (!fix_descriptor(fixed)) {
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

void PageTypes::devalidate(Mfn mfn, FrameType type)
{
    mark_dirty(mfn);
    const auto entries = machine_.entries(mfn);
    for (unsigned slot = 0; slot < nr_entries; ++slot) {
        if (type == FrameType::l1_table) {
            put_for_l1_entry(entries[slot]);
        } else if (!is_xen_slot(type, slot)) {
            put_for_upper_entry(entries[slot], type, mfn);
        }
    }
    if (type == FrameType::l4_table) {
        --machine_.frame(mfn).owner->nr_l4_tables;
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

int PageTypes::get_for_upper_entry(std::uint64_t entry, FrameType level, Mfn table,
                                   const Domain& owner)
{
    if ((entry & pte::disallowed) != 0) {
        return -EINVAL;  // PSE among them: a guest has no superpages
    }
    const int error = get_page_and_type(pte::frame_of(entry), level_below(level), owner);
    if (error == -EINVAL && get_linear(entry, level, table, owner)) {
        return 0;
    }
    return error;
}

void PageTypes::put_for_upper_entry(std::uint64_t entry, FrameType level, Mfn table)
{
    const Mfn mfn = pte::frame_of(entry);
    if ((entry & pte::present) == 0 || mfn == table) {
        return;
    }
    FrameState& frame = machine_.frame(mfn);
    if (frame.type == level) {
        ++frame.linear_count;
        --machine_.frame(table).linear_count;
    }
    put_page_and_type(mfn);
}

// A table may name itself, or another table of its own level, read-only ("linear page tables"). An entry that names
// its own table takes no reference. One that names another takes what any entry does, if the other is
// validated and has no such entries itself, and this one is not named so elsewhere: there are no chains.
bool PageTypes::get_linear(std::uint64_t entry, FrameType level, Mfn table, const Domain& owner)
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
    const bool fits = user.linear_count >= 0 && used.linear_count <= 0 && used.type == level &&
                      used.validated && used.type_count > 0;
    if (!fits) {
        put_page(mfn);
        return false;
    }
    ++user.linear_count;
    --used.linear_count;
    ++used.type_count;
    return true;
}

// Frames of Xen's own, which no guest can name: below RAM of any host.
void PageTypes::write_xen_slots(Mfn l4, const Domain& owner)
{
    constexpr std::uint64_t hypervisor = pte::present | pte::writable | pte::accessed | pte::dirty;
    constexpr unsigned slot_ro_m2p = 256;
    constexpr unsigned slot_linear = 258;
    constexpr unsigned slot_shadow_linear = 259;
    constexpr std::uint64_t xen_frames = 0x100;
    const bool m2p_strict = (owner.vm_assist >> VMASST_TYPE_m2p_strict & 1) != 0;
    const auto entries = machine_.entries(l4);
    for (unsigned slot = xen_l4_slot_first; slot <= xen_l4_slot_last; ++slot) {
        entries[slot] = pte::make(Mfn{xen_frames + slot}, hypervisor);
    }
    entries[slot_linear] = pte::make(l4, hypervisor);
    entries[slot_shadow_linear] = 0;
    if (m2p_strict) {
        entries[slot_ro_m2p] = 0;
    }
}

}  // namespace fakexen
