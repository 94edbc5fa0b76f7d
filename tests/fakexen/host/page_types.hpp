// SPDX-License-Identifier: LGPL-2.1-or-later
// References and types of frames: what keeps a PV guest from writing its own page tables.
//
// A frame is used through references (it is not freed before they go) and type references (it keeps its type).
// A frame becomes a page table by its first type reference of that kind: every entry is then checked and takes
// the references that it stands for, recursively. When the last type reference goes, they are given back.
// Results are 0 or the negative errno of Xen 4.17. Single-threaded, so nothing is ever half validated.
#pragma once

#include "libsr/base/log.hpp"
#include "tests/fakexen/host/machine.hpp"

#include <cstdint>
#include <functional>

namespace fakexen {

/// How an entry of a page table is replaced: MMU_NORMAL_PT_UPDATE or MMU_PT_UPDATE_PRESERVE_AD.
enum class KeepBits : std::uint8_t { none, accessed_dirty };

class PageTypes {
public:
    PageTypes(Machine& machine, sr::Logger& log) : machine_{machine}, log_{log} {}
    PageTypes(const PageTypes&) = delete;
    PageTypes& operator=(const PageTypes&) = delete;

    /// Called when a frame's writable references stand in the way: true if some that were stale (a foreign
    /// mapping that its process has unmapped unseen) are gone now and it is worth trying again.
    std::function<bool()> reclaim_stale;
    /// Called when the last reference of a frame is gone, before it is free.
    std::function<void(Mfn, Domain&)> on_free;

    // ---- Ownership ----

    /// Makes a free frame the domain's, with the allocation's reference. No type yet.
    void assign(Mfn mfn, Domain& owner);
    /// Makes a free frame a page of Xen's that the owner may write (shared_info, grant table).
    void share_xen_page(Mfn mfn, Domain& owner);
    /// Drops the allocation's reference, once: the frame is free when all others are gone.
    void release(Mfn mfn);

    // ---- References ----

    /// False if mfn is not a frame of this domain in use.
    [[nodiscard]] bool get_page(Mfn mfn, const Domain& owner);
    void put_page(Mfn mfn);
    /// 0, -EINVAL (wrong type), or why an entry of a would-be table is refused.
    [[nodiscard]] int get_type(Mfn mfn, FrameType type);
    void put_type(Mfn mfn);
    [[nodiscard]] int get_page_and_type(Mfn mfn, FrameType type, const Domain& owner);
    void put_page_and_type(Mfn mfn);

    /// What an L1 entry takes: a reference, and a writable type reference if it is writable.
    /// @param owner of the frame that the entry names
    [[nodiscard]] int get_for_l1_entry(std::uint64_t entry, const Domain& owner);
    void put_for_l1_entry(std::uint64_t entry);

    // ---- Pins and updates ----

    [[nodiscard]] int pin(Mfn mfn, FrameType type, Domain& owner);
    [[nodiscard]] int unpin(Mfn mfn, Domain& owner);

    /// Replaces one entry of a table that is in use, taking and dropping the references of new and old.
    /// @param slot 0..511
    [[nodiscard]] int update_entry(Mfn table, unsigned slot, std::uint64_t entry, KeepBits keep,
                                   const Domain& owner, const Domain& frame_owner);

    /// Writes an entry of an L1 in use whose references are the caller's to settle: a grant's. @return what was there
    [[nodiscard]] std::uint64_t swap_l1_entry(Mfn table, unsigned slot, std::uint64_t entry);

private:
    [[nodiscard]] int validate(Mfn mfn, FrameType type, Domain& owner);
    [[nodiscard]] int validate_l1(Mfn mfn, Domain& owner);
    [[nodiscard]] int validate_upper(Mfn mfn, FrameType type, Domain& owner);
    [[nodiscard]] int validate_segment(Mfn mfn, const Domain& owner);
    void devalidate(Mfn mfn, FrameType type);
    [[nodiscard]] int get_for_upper_entry(std::uint64_t entry, unsigned slot, Mfn table,
                                          const Domain& owner);
    void put_for_upper_entry(std::uint64_t entry, Mfn table);
    /// Gives back what slots 0 to end - 1 hold.
    void put_upper_entries(Mfn table, unsigned end);
    [[nodiscard]] bool get_linear(std::uint64_t entry, Mfn table, const Domain& owner);
    void write_xen_slots(Mfn table, FrameType type, const Domain& owner);
    void write_xen_l4_slots(Mfn l4, const Domain& owner);
    void write_xen_l2_slots(Mfn l2);
    int refuse_slot(int error, Mfn table, FrameType level, unsigned slot, std::uint64_t entry);
    void mark_dirty(Mfn mfn);

    Machine& machine_;
    sr::Logger& log_;
};

/// Slots of a 64-bit PV guest's L4 that are Xen's: written by Xen on validation, never looked at.
inline constexpr unsigned xen_l4_slot_first = 256;
inline constexpr unsigned xen_l4_slot_last = 271;

/// Slots of a 32-bit guest's xen_l2_table that are Xen's: those of 0xf5800000 and up.
inline constexpr unsigned xen_l2_slot_first = 428;

/// The entries of a 32-bit guest's L3 that count. The last of them names the xen_l2_table, and cannot be replaced.
inline constexpr unsigned nr_pae_l3_entries = 4;
inline constexpr unsigned pae_l3_xen_slot = 3;

/// Whether Xen writes this slot of a table of this type itself and never looks at what a guest has there.
[[nodiscard]] constexpr bool is_xen_slot(FrameType type, unsigned slot) noexcept
{
    return (type == FrameType::l4_table && slot >= xen_l4_slot_first && slot <= xen_l4_slot_last) ||
           (type == FrameType::xen_l2_table && slot >= xen_l2_slot_first);
}

/// Flags that an entry of the owner's table of this level must not have.
[[nodiscard]] std::uint64_t disallowed_flags(FrameType level, const Domain& owner) noexcept;

/// An entry with the bits Xen adds: for a 64-bit guest, whose kernel runs in user mode too, in every level, for a
/// 32-bit one in the L3 only, which the CPU walks as a long-mode table.
[[nodiscard]] std::uint64_t adjusted_entry(std::uint64_t entry, FrameType level,
                                           const Domain& owner) noexcept;

}  // namespace fakexen
