// SPDX-License-Identifier: LGPL-2.1-or-later
// From values to octets: one encoder for each header and record of a libxc stream.
//
// The reverse of decode.hpp. Bodies without padding: StreamWriter adds it. Reserved fields are 0.
// What would not decode again is a bug of ours and throws Error{internal}.
#pragma once

#include "libsr/wire/decode.hpp"

#include <span>

namespace sr {

/// Version 3, little-endian.
[[nodiscard]] ImageHeaderLayout encode_image_header() noexcept;
[[nodiscard]] DomainHeaderLayout encode_domain_header(const DomainHeader& header) noexcept;
[[nodiscard]] RecordHeader encode_record_header(std::uint32_t type, std::uint32_t length) noexcept;

/// PAGE_DATA up to the end of the pfn list; the contents follow on the wire, one page for each
/// entry that has some.
/// @param to  room for page_data_list_length(entries.size()) octets
/// @return what of `to` was filled. Allocates nothing.
std::span<const std::byte> encode_page_data(std::span<std::byte> to,
                                            std::span<const PageEntry> entries);

/// Octets of the head and list of a PAGE_DATA record of so many entries.
[[nodiscard]] constexpr std::size_t page_data_list_length(std::size_t nr_entries) noexcept
{
    return sizeof(PageDataHeader) + nr_entries * sizeof(PageEntryLayout);
}

[[nodiscard]] PvInfoLayout encode_pv_info(GuestWidth width) noexcept;

/// @param frames  one pfn for each frame of the p2m that holds the entries of first to last
[[nodiscard]] Octets encode_p2m_frames(Pfn first, Pfn last, GuestWidth width,
                                       std::span<const Pfn> frames);

/// The head of the four vCPU records; the blob follows on the wire.
[[nodiscard]] VcpuHeader encode_vcpu_header(std::uint32_t vcpu_id) noexcept;
/// The blob of X86_PV_VCPU_MSRS.
[[nodiscard]] Octets encode_vcpu_msrs(std::span<const VcpuMsr> msrs);

[[nodiscard]] TscInfoLayout encode_tsc_info(const TscInfo& tsc) noexcept;
[[nodiscard]] Octets encode_hvm_params(std::span<const HvmParam> params);
[[nodiscard]] Octets encode_dirty_pfns(std::span<const Pfn> pfns);
[[nodiscard]] Octets encode_cpuid_policy(std::span<const CpuidLeaf> leaves);
[[nodiscard]] Octets encode_msr_policy(std::span<const MsrEntry> entries);

[[nodiscard]] GrantTableInfoLayout encode_grant_table_info(const GrantTableInfo& info) noexcept;
[[nodiscard]] Octets encode_grant_table_entries(const GrantTableEntries& table);

}  // namespace sr
