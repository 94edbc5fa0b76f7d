// SPDX-License-Identifier: LGPL-2.1-or-later
// The structures that a PV guest shares with Xen, for both guest widths, as constants of one type.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/base/guest_width.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sr {

/// Where an unsigned number stands in a guest structure.
struct Field {
    std::size_t offset;        ///< octets from the start of the structure
    std::size_t width_octets;  ///< 1, 2, 4 or 8
};

/// Member `index` of an array of fields that starts at `first`.
[[nodiscard]] constexpr Field element(Field first, std::size_t index) noexcept
{
    return {first.offset + index * first.width_octets, first.width_octets};
}

/// The value of a field. The caller has checked that `structure` is long enough for its layout.
[[nodiscard]] std::uint64_t load_field(std::span<const std::byte> structure, Field field);
/// Sets a field. @throws Error{limit} if the value does not fit its width
void store_field(std::span<std::byte> structure, Field field, std::uint64_t value);

/// A run of octets in a guest structure.
struct Area {
    std::size_t offset;
    std::size_t length_octets;
};

/// struct vcpu_guest_context: xen/include/public/arch-x86/xen.h.
struct VcpuContextLayout {
    std::size_t length_octets;
    Field flags;      ///< VGCF_…
    Field user_regs;  ///< the first register of the area, r15 or ebx
    Field ax;         ///< rax or eax, and so on
    Field dx;         ///< in vCPU 0 of a suspended guest: the frame of its start_info
    Field ip;
    Field sp;
    Field gdt_frames;  ///< the first of 16
    Field gdt_ents;    ///< how many descriptors of 8 octets the GDT has
    Field ctrlreg;     ///< cr0; element(ctrlreg, n) is cr n, up to 7
};

/// struct shared_info: xen/include/public/xen.h, and arch_shared_info of arch-x86/xen.h.
struct SharedInfoLayout {
    std::size_t length_octets;
    Area vcpu_info;                ///< all 32 of them
    std::size_t vcpu_info_stride;  ///< octets from one to the next
    Field evtchn_pending_sel;      ///< of vCPU 0
    Area evtchn_pending;
    Area evtchn_mask;
    Area wallclock;  ///< wc_version, wc_sec, wc_nsec
    Area arch;  ///< arch_shared_info without the wallclock's high half (32-bit: its last member)
    Field max_pfn;  ///< pfns that the p2m covers: a count, one more than the highest
    Field pfn_to_mfn_frame_list_list;  ///< mfn of the 3-level tree's root
    Field nmi_reason;
    Field p2m_cr3;         ///< linear list: cr3 of tables that map it; 0 where there is none
    Field p2m_vaddr;       ///< linear list: its virtual address
    Field p2m_generation;  ///< linear list: changes as its mapping does
};

/// struct start_info: xen/include/public/xen.h.
struct StartInfoLayout {
    std::size_t length_octets;
    Field nr_pages;
    Field shared_info;  ///< machine address, not a frame number
    Field flags;
    Field store_mfn;
    Field store_evtchn;
    Field console_mfn;
    Field console_evtchn;
};

/// Slots of a page table, first to last inclusive; none if first > last.
struct SlotRange {
    unsigned first = 1;
    unsigned last = 0;
    [[nodiscard]] constexpr bool empty() const noexcept { return first > last; }
    [[nodiscard]] constexpr bool contains(unsigned slot) const noexcept
    {
        return slot >= first && slot <= last;
    }
};

/// All that differs between a 64-bit and a 32-bit PAE guest.
struct GuestAbi {
    GuestWidth width;
    unsigned levels;               ///< of page tables: 4 or 3. Entries have 8 octets in both
    bool has_user_cr3;             ///< cr1 holds the user-mode table
    std::uint64_t virt_mask;       ///< the bits of a virtual address that page tables translate
    std::uint64_t xen_virt_first;  ///< virtual addresses that are Xen's, first and last
    std::uint64_t xen_virt_last;
    VcpuContextLayout vcpu;
    SharedInfoLayout shared_info;
    StartInfoLayout start_info;

    /// Octets of a p2m entry, a frame number and a virtual address.
    [[nodiscard]] constexpr std::size_t width_octets() const noexcept
    {
        return static_cast<std::size_t>(width);
    }
    /// p2m entries in a frame ("fpp").
    [[nodiscard]] constexpr std::uint64_t entries_per_p2m_frame() const noexcept
    {
        return page_size / width_octets();
    }
    /// All ones in the guest's width: a frame number that is none.
    [[nodiscard]] constexpr std::uint64_t invalid_frame() const noexcept
    {
        return width == GuestWidth::bits64 ? ~std::uint64_t{0} : 0xffff'ffffU;
    }
    /// The top two bits of a p2m entry. Linux marks with them what is not memory of the domain: bit
    /// 63 (31) a frame of another domain, bit 62 (30) an identity-mapped hole
    /// (arch/x86/include/asm/xen/page.h, FOREIGN_FRAME_BIT).
    [[nodiscard]] constexpr std::uint64_t p2m_marker_bits() const noexcept
    {
        return std::uint64_t{3} << (width_octets() * 8 - 2);
    }
    /// The entry by which Linux says that a pfn without memory is the machine frame of that number.
    [[nodiscard]] constexpr std::uint64_t identity_entry(std::uint64_t pfn) const noexcept
    {
        return pfn | std::uint64_t{1} << (width_octets() * 8 - 2);
    }
    /// The slots of every table of this level that Xen fills itself: 256 to 271 of a 64-bit L4, 4
    /// to 511 of a PAE L3.
    [[nodiscard]] constexpr SlotRange xen_slots(unsigned level) const noexcept
    {
        if (width == GuestWidth::bits64) {
            return level == 4 ? SlotRange{256, 271} : SlotRange{};
        }
        return level == 3 ? SlotRange{4, 511} : SlotRange{};
    }
    /// The slots that Xen fills in some tables of this level: those of a PAE L2 for 0xf5800000 and
    /// up, in the one table that slot 3 of an L3 points to. It is told from the others by its entry
    /// for the compat M2P, the first of these slots.
    [[nodiscard]] constexpr SlotRange compat_m2p_slots(unsigned level) const noexcept
    {
        return width == GuestWidth::bits32 && level == 2 ? SlotRange{428, 511} : SlotRange{};
    }
    /// True if [vaddr, vaddr + length) is an address range that a guest may use: canonical, no
    /// wrap, outside Xen's. A length of 0 is not.
    [[nodiscard]] bool is_guest_range(std::uint64_t vaddr,
                                      std::uint64_t length_octets) const noexcept;

    /// The frame in a cr3 of this guest; none if it cannot be one. 32-bit guests hold 32-bit frame
    /// numbers in a rotated "extended" cr3 (xen/include/public/arch-x86/xen-x86_32.h,
    /// xen_pfn_to_cr3).
    [[nodiscard]] std::optional<std::uint64_t> frame_of_cr3(std::uint64_t cr3) const noexcept;
    /// The reverse. @throws Error{limit} if the frame has too many bits for a cr3 of this guest
    [[nodiscard]] std::uint64_t cr3_of_frame(std::uint64_t frame) const;
};

/// The constants of a width.
[[nodiscard]] const GuestAbi& guest_abi(GuestWidth width) noexcept;

/// The guest that X86_PV_INFO describes: 8 octets with 4 levels, or 4 with 3. Anything else is
/// none.
[[nodiscard]] std::optional<GuestWidth> guest_width_from_wire(unsigned width_octets,
                                                              unsigned levels) noexcept;

/// Most descriptors a guest's GDT may have; Xen's own follow (FIRST_RESERVED_GDT_ENTRY).
inline constexpr std::uint64_t max_gdt_entries = 7168;
/// Descriptors in a frame of the GDT.
inline constexpr std::uint64_t gdt_entries_per_frame = 512;
/// vCPUs whose vcpu_info is inside shared_info (XEN_LEGACY_MAX_VCPUS).
inline constexpr unsigned max_legacy_vcpus = 32;
/// VGCF_online: the vCPU is to run.
inline constexpr std::uint64_t vgcf_online = 1U << 5;

}  // namespace sr
