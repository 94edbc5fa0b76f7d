// SPDX-License-Identifier: LGPL-2.1-or-later
// A vCPU's context in and out: XEN_DOMCTL_{set,get}vcpucontext, VCPUOP_initialise, set_gdt.
#pragma once

#include "tests/fakexen/host/hypervisor.hpp"

#include <cstdint>
#include <span>

namespace fakexen {

inline constexpr std::uint32_t gdt_entries_max =
    14 * 512;  ///< Xen keeps the GDT pages behind for itself

/// The type of the tables that a vCPU's cr3 may name.
[[nodiscard]] constexpr FrameType top_table(const Domain& domain) noexcept
{
    return domain.is_32bit ? FrameType::l3_table : FrameType::l4_table;
}

/// Gives a vCPU its context, which is in the 64-bit layout whatever the guest is (vcpu_context_32.hpp). The first one decides about tables, GDT and LDT, which get their references here; a later
/// one must name the same. All or nothing. @return 0 or -errno as Xen: -EINVAL, -EOPNOTSUPP (other tables than it has)
[[nodiscard]] int set_context(Hypervisor& xen, Vcpu& vcpu, const vcpu_guest_context_t& context);

/// The context as Xen hands it out, with mfns.
[[nodiscard]] vcpu_guest_context_t get_context(const Vcpu& vcpu);

/// Replaces the GDT. @return 0, or -EINVAL if a frame is not the domain's or cannot be a descriptor table
[[nodiscard]] int set_gdt(Hypervisor& xen, Vcpu& vcpu, std::span<const std::uint64_t> frames,
                          std::uint32_t entries);

}  // namespace fakexen
