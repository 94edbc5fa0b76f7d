// SPDX-License-Identifier: LGPL-2.1-or-later
// From untrusted octets to checked values: one decoder for each header and record of a libxc
// stream.
//
// Every decoder takes a whole body (without padding), is all or nothing, touches nothing else, and
// runs in time linear in the body. Each throws Error{malformed} for a short or long body and for a
// field out of its range, Error{limit} for what passes a bound of limits.hpp, Error{unsupported}
// where it says so. Section titles in quotation marks are those of Xen's
// docs/specs/libxc-migration-stream.pandoc, or of our docs/stream-extensions.md. Reserved fields are ignored, as the specification has
// it: `xsr verify` reports them.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/base/guest_width.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/wire/record_type.hpp"
#include "libsr/wire/records.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// "Domain Header", field "type".
enum class DomainType : std::uint32_t {
    x86_pv = 1,
    x86_hvm = 2,  ///< HVM and PVH alike
};

/// "x86 PV" or "x86 HVM".
[[nodiscard]] const char* to_string(DomainType type) noexcept;

/// "Image Header".
struct ImageHeader {
    std::uint32_t version;  ///< 2 or 3
};

/// @throws Error{unsupported} for a legacy image (before Xen 4.6), other versions and big-endian
/// streams
[[nodiscard]] ImageHeader decode_image_header(std::span<const std::byte> octets);

/// "Domain Header". The page size is 4096: other values of page_shift are refused.
struct DomainHeader {
    DomainType type;
    std::uint32_t
        xen_major;  ///< 0: a legacy image was converted, by version xen_minor of the converter
    std::uint32_t xen_minor;
};

[[nodiscard]] DomainHeader decode_domain_header(std::span<const std::byte> octets);

/// One page that a PAGE_DATA record describes.
struct PageEntry {
    Pfn pfn;
    PageType type;

    friend constexpr bool operator==(PageEntry, PageEntry) noexcept = default;
};

/// Whether 4096 octets of contents follow for it.
[[nodiscard]] constexpr bool has_contents(const PageEntry& entry) noexcept
{
    return has_contents(entry.type);
}

/// "PAGE_DATA": the head, and the record length it must stand in.
/// @param length  the length the record's head claims
/// @return the number of entries, 1 to limits::page_entries_max, whose list fits the length
[[nodiscard]] std::uint32_t decode_page_data_header(const PageDataHeader& header,
                                                    std::uint32_t length);

/// One entry of the list. @param max_pfn  highest frame the domain may own, inclusive
[[nodiscard]] PageEntry decode_page_entry(const PageEntryLayout& entry, Pfn max_pfn);

/// Decodes the head and pfn list of a PAGE_DATA body, all or nothing.
///
/// @param body     untrusted record body up to the end of the pfn list; contents are read later, in
/// place
/// @param max_pfn  highest frame the domain may own, inclusive
/// @return one entry per listed frame, in stream order
/// @throws Error{malformed} also for a frame above max_pfn, an unknown page type and an empty list
[[nodiscard]] std::vector<PageEntry> decode_page_data(std::span<const std::byte> body, Pfn max_pfn);

/// Octets of the body of a PAGE_DATA record with these entries, contents included.
[[nodiscard]] std::uint64_t page_data_length(std::span<const PageEntry> entries) noexcept;

/// "X86_PV_INFO": the valid combinations of width and levels are GuestWidth's.
[[nodiscard]] GuestWidth decode_pv_info(std::span<const std::byte> body);

/// "X86_PV_P2M_FRAMES": where the guest's own p2m lies. Views the body it was decoded from.
class P2mFrames {
public:
    P2mFrames(Pfn first, Pfn last, std::size_t first_frame,
              std::span<const std::byte> list) noexcept
        : first_{first}, last_{last}, first_frame_{first_frame}, list_{list}
    {
    }

    [[nodiscard]] Pfn first() const noexcept
    {
        return first_;
    }  ///< first pfn whose p2m entry is covered
    [[nodiscard]] Pfn last() const noexcept { return last_; }  ///< last one, inclusive

    /// Index, in the whole p2m, of the first frame listed: its entries start at that many times
    /// page_size / width.
    [[nodiscard]] std::size_t first_frame() const noexcept { return first_frame_; }
    [[nodiscard]] std::size_t nr_frames() const noexcept
    {
        return list_.size() / sizeof(PfnLayout);
    }
    /// The pfn of listed frame i < nr_frames(), not above limits::pv_pfn_max; whether the domain
    /// has it is not checked.
    [[nodiscard]] Pfn frame(std::size_t i) const
    {
        return Pfn{load<PfnLayout>(list_, i * sizeof(PfnLayout)).pfn.value()};
    }

private:
    Pfn first_;
    Pfn last_;
    std::size_t first_frame_;
    std::span<const std::byte> list_;
};

[[nodiscard]] P2mFrames decode_p2m_frames(std::span<const std::byte> body, GuestWidth width);

/// "X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS". Views the body it was decoded from.
struct VcpuBlob {
    std::uint32_t vcpu_id;
    std::span<const std::byte>
        blob;  ///< empty where an old sender wrote a record without content: ignore it ("Errata")
};

/// @param type     which of the four
/// @param width    the guest's, which fixes the length of BASIC
/// @param nr_vcpus  vCPUs the domain may have: ids are below it
/// @throws Error{malformed} also where the blob cannot be one of its kind by its length
[[nodiscard]] VcpuBlob decode_vcpu(RecordType type, std::span<const std::byte> body,
                                   GuestWidth width, std::uint32_t nr_vcpus);

/// One MSR of a vCPU: the blob of X86_PV_VCPU_MSRS.
struct VcpuMsr {
    std::uint32_t index;
    std::uint64_t value;

    friend constexpr bool operator==(VcpuMsr, VcpuMsr) noexcept = default;
};

[[nodiscard]] std::vector<VcpuMsr> decode_vcpu_msrs(std::span<const std::byte> blob);

/// "SHARED_INFO": the 4096 octets of the page, which is body.
[[nodiscard]] std::span<const std::byte, page_size>
decode_shared_info(std::span<const std::byte> body);

/// "X86_TSC_INFO", as XEN_DOMCTL_settscinfo takes it.
struct TscInfo {
    std::uint32_t mode;  ///< 0 to limits::tsc_mode_max
    std::uint32_t khz;
    std::uint64_t nsec;
    std::uint32_t incarnation;

    friend constexpr bool operator==(TscInfo, TscInfo) noexcept = default;
};

[[nodiscard]] TscInfo decode_tsc_info(std::span<const std::byte> body);

/// "HVM_CONTEXT": the blob, which is body, and never empty.
[[nodiscard]] std::span<const std::byte> decode_hvm_context(std::span<const std::byte> body);

/// "HVM_PARAMS".
struct HvmParam {
    std::uint64_t index;
    std::uint64_t value;

    friend constexpr bool operator==(HvmParam, HvmParam) noexcept = default;
};

/// In stream order; empty where an old sender wrote a record without content.
[[nodiscard]] std::vector<HvmParam> decode_hvm_params(std::span<const std::byte> body);

/// "CHECKPOINT_DIRTY_PFN_LIST". @param max_pfn  highest frame of the domain, inclusive
[[nodiscard]] std::vector<Pfn> decode_dirty_pfns(std::span<const std::byte> body, Pfn max_pfn);

/// "X86_CPUID_POLICY".
struct CpuidLeaf {
    std::uint32_t leaf;
    std::uint32_t subleaf;  ///< 0xffffffff where the leaf has none
    std::uint32_t a;
    std::uint32_t b;
    std::uint32_t c;
    std::uint32_t d;

    friend constexpr bool operator==(const CpuidLeaf&, const CpuidLeaf&) noexcept = default;
};

/// At least one, in stream order.
[[nodiscard]] std::vector<CpuidLeaf> decode_cpuid_policy(std::span<const std::byte> body);

/// "X86_MSR_POLICY".
struct MsrEntry {
    std::uint32_t index;
    std::uint32_t flags;  ///< 0 in every Xen so far; the hypervisor judges it
    std::uint64_t value;

    friend constexpr bool operator==(MsrEntry, MsrEntry) noexcept = default;
};

/// At least one, in stream order.
[[nodiscard]] std::vector<MsrEntry> decode_msr_policy(std::span<const std::byte> body);

/// "GRANT_TABLE_INFO": what a destination must be able to give (docs/stream-extensions.md).
struct GrantTableInfo {
    GrantVersion version = GrantVersion::v1;
    std::uint32_t nr_frames = 0;  ///< up to limits::grant_frames_max, and to max_frames
    std::uint32_t max_frames = 0;
    std::optional<GrantVersion> max_version;  ///< not below version, if it is known

    friend constexpr bool operator==(const GrantTableInfo&, const GrantTableInfo&) = default;
};

[[nodiscard]] GrantTableInfo decode_grant_table_info(std::span<const std::byte> body);

/// "GRANT_TABLE_ENTRIES": the table of the suspended guest.
struct GrantTableEntries {
    GrantVersion version;
    std::uint32_t nr_frames;
    /// Those that are not empty; refs ascend, and lie within the frames.
    std::vector<StreamGrantEntry> entries;

    friend bool operator==(const GrantTableEntries&, const GrantTableEntries&) = default;
};

/// @param max_pfn  highest frame the domain may own, inclusive
/// @throws Error{malformed} also for an entry that is empty, or holds what its version or kind does not have
[[nodiscard]] GrantTableEntries decode_grant_table_entries(std::span<const std::byte> body,
                                                           Pfn max_pfn);

/// "END", "VERIFY", "CHECKPOINT", "STATIC_DATA_END": records without a body.
void decode_empty(RecordType type, std::span<const std::byte> body);

}  // namespace sr
