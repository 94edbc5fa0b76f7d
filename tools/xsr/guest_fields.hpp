// SPDX-License-Identifier: LGPL-2.1-or-later
// The fields of what a guest's state is kept in, by name: for show and diff.
#pragma once

#include "libsr/base/guest_width.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sr {

/// A field, or a row of equal ones: `count` of them, `stride` octets apart.
struct GuestField {
    const char* name =
        nullptr;  ///< "rip"; in a row "[]" stands for the index: "vcpu_info[].time.version"
    std::uint16_t offset = 0;
    std::uint8_t size = 0;  ///< 1, 2, 4 or 8 octets
    std::uint16_t count = 1;
    std::uint16_t stride = 0;
    /// Why it differs between a stream and one of the same guest saved after a restore; null if it
    /// does not.
    const char* changed_by_restore = nullptr;
};

/// struct vcpu_guest_context: the blob of X86_PV_VCPU_BASIC.
[[nodiscard]] std::span<const GuestField> vcpu_basic_fields(GuestWidth width) noexcept;
/// struct xen_domctl_ext_vcpucontext: the blob of X86_PV_VCPU_EXTENDED.
[[nodiscard]] std::span<const GuestField> vcpu_extended_fields() noexcept;
/// The head of the blob of X86_PV_VCPU_XSAVE: xcr0, xcr0_accum and what of the XSAVE area has a
/// name.
[[nodiscard]] std::span<const GuestField> vcpu_xsave_fields() noexcept;
/// struct shared_info: the body of SHARED_INFO.
[[nodiscard]] std::span<const GuestField> shared_info_fields(GuestWidth width) noexcept;
/// struct start_info, at the start of the page that vCPU 0's edx names.
[[nodiscard]] std::span<const GuestField> start_info_fields(GuestWidth width) noexcept;

/// Element `index` of a field, little-endian; 0 where the octets end before it.
[[nodiscard]] std::uint64_t value_of(const GuestField& field, unsigned index,
                                     std::span<const std::byte> octets) noexcept;
/// "trap_ctxt[14].address"
[[nodiscard]] std::string name_of(const GuestField& field, unsigned index);

/// vCPU flags in words: "i387_valid in_kernel online". Bits: public/arch-x86/xen.h, VGCF_*.
[[nodiscard]] std::string vcpu_flag_names(std::uint64_t flags);
inline constexpr std::uint64_t vcpu_flag_online = 1U << 5U;

}  // namespace sr
