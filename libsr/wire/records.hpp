// SPDX-License-Identifier: LGPL-2.1-or-later
// Layouts of every header and record of a libxc stream: docs/specs/libxc-migration-stream.pandoc of
// Xen, revision 3.
//
// The names in quotation marks are its section titles. Fields named `reserved` are written as 0 and
// ignored when read. Headers of variable bodies are `…Header`, whole bodies and array entries
// `…Layout`.
#pragma once

#include "libsr/base/bytes.hpp"

#include <boost/endian/buffers.hpp>

#include <cstdint>

namespace sr {

/// "Image Header". All big-endian, whatever the options say.
struct ImageHeaderLayout {
    boost::endian::big_uint64_buf_t marker;   ///< image_marker
    boost::endian::big_uint32_buf_t id;       ///< image_id
    boost::endian::big_uint32_buf_t version;  ///< 2 or 3
    boost::endian::big_uint16_buf_t options;  ///< bit 0: the rest is big-endian; others reserved
    boost::endian::big_uint16_buf_t reserved1;
    boost::endian::big_uint32_buf_t reserved2;
};
static_assert(WireStruct<ImageHeaderLayout> && sizeof(ImageHeaderLayout) == 24);

inline constexpr std::uint64_t image_marker = 0xffff'ffff'ffff'ffff;
inline constexpr std::uint32_t image_id = 0x5845'4e46;  ///< "XENF"
inline constexpr std::uint32_t image_version = 3;       ///< what we write
inline constexpr std::uint16_t image_option_big_endian = 1;

/// "Domain Header".
struct DomainHeaderLayout {
    boost::endian::little_uint32_buf_t type;        ///< DomainType
    boost::endian::little_uint16_buf_t page_shift;  ///< 12
    boost::endian::little_uint16_buf_t reserved;
    boost::endian::little_uint32_buf_t xen_major;  ///< 0 if converted from a legacy image
    boost::endian::little_uint32_buf_t xen_minor;
};
static_assert(WireStruct<DomainHeaderLayout> && sizeof(DomainHeaderLayout) == 16);

/// "Records": the head of each. After it length octets, then zeros up to a multiple of 8.
struct RecordHeader {
    boost::endian::little_uint32_buf_t type;    ///< RecordType, or one we do not know
    boost::endian::little_uint32_buf_t length;  ///< octets of the body, without padding
};
static_assert(WireStruct<RecordHeader> && sizeof(RecordHeader) == 8);

/// What a record's length is rounded up to on the wire.
inline constexpr std::uint32_t record_alignment = 8;

/// Octets of padding after a body of this length: 0 to 7.
[[nodiscard]] constexpr std::uint32_t padding_of(std::uint32_t length) noexcept
{
    return (record_alignment - length % record_alignment) % record_alignment;
}

/// "PAGE_DATA": after it count entries, then 4096 octets for each entry whose type has contents.
struct PageDataHeader {
    boost::endian::little_uint32_buf_t count;  ///< at least 1
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<PageDataHeader> && sizeof(PageDataHeader) == 8);

/// "PAGE_DATA", field "pfn": bits 63:60 PageType, 59:52 reserved, 51:0 pfn.
struct PageEntryLayout {
    boost::endian::little_uint64_buf_t word;
};
static_assert(WireStruct<PageEntryLayout> && sizeof(PageEntryLayout) == 8);

inline constexpr unsigned page_entry_type_shift = 60;
inline constexpr std::uint64_t page_entry_pfn_mask = 0x000f'ffff'ffff'ffff;
inline constexpr std::uint64_t page_entry_reserved_mask = 0x0ff0'0000'0000'0000;

/// "X86_PV_INFO".
struct PvInfoLayout {
    boost::endian::little_uint8_buf_t guest_width;  ///< 4 or 8 octets
    boost::endian::little_uint8_buf_t pt_levels;    ///< 3 with width 4, 4 with width 8
    boost::endian::little_uint16_buf_t reserved1;
    boost::endian::little_uint32_buf_t reserved2;
};
static_assert(WireStruct<PvInfoLayout> && sizeof(PvInfoLayout) == 8);

/// "X86_PV_P2M_FRAMES": after it one P2mFrameLayout per frame of the guest's p2m from the one that
/// holds start_pfn's entry to the one that holds end_pfn's.
struct P2mFramesHeader {
    boost::endian::little_uint32_buf_t start_pfn;
    boost::endian::little_uint32_buf_t end_pfn;  ///< inclusive
};
static_assert(WireStruct<P2mFramesHeader> && sizeof(P2mFramesHeader) == 8);

/// "X86_PV_P2M_FRAMES", field "p2m_pfn"; also "CHECKPOINT_DIRTY_PFN_LIST", field "pfn".
struct PfnLayout {
    boost::endian::little_uint64_buf_t pfn;
};
static_assert(WireStruct<PfnLayout> && sizeof(PfnLayout) == 8);

/// "X86_PV_VCPU_BASIC, EXTENDED, XSAVE, MSRS": after it the blob of a domctl.
struct VcpuHeader {
    boost::endian::little_uint32_buf_t vcpu_id;
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<VcpuHeader> && sizeof(VcpuHeader) == 8);

/// One entry of the blob of X86_PV_VCPU_MSRS: struct xen_domctl_vcpu_msr (public/domctl.h).
struct VcpuMsrLayout {
    boost::endian::little_uint32_buf_t index;
    boost::endian::little_uint32_buf_t reserved;
    boost::endian::little_uint64_buf_t value;
};
static_assert(WireStruct<VcpuMsrLayout> && sizeof(VcpuMsrLayout) == 16);

/// "X86_TSC_INFO".
struct TscInfoLayout {
    boost::endian::little_uint32_buf_t mode;
    boost::endian::little_uint32_buf_t khz;
    boost::endian::little_uint64_buf_t nsec;
    boost::endian::little_uint32_buf_t incarnation;
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<TscInfoLayout> && sizeof(TscInfoLayout) == 24);

/// "HVM_PARAMS": after it count HvmParamLayout.
struct HvmParamsHeader {
    boost::endian::little_uint32_buf_t count;
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<HvmParamsHeader> && sizeof(HvmParamsHeader) == 8);

struct HvmParamLayout {
    boost::endian::little_uint64_buf_t index;
    boost::endian::little_uint64_buf_t value;
};
static_assert(WireStruct<HvmParamLayout> && sizeof(HvmParamLayout) == 16);

/// "X86_CPUID_POLICY": xen_cpuid_leaf_t (public/arch-x86/xen.h).
struct CpuidLeafLayout {
    boost::endian::little_uint32_buf_t leaf;
    boost::endian::little_uint32_buf_t subleaf;  ///< 0xffffffff where the leaf has none
    boost::endian::little_uint32_buf_t a;
    boost::endian::little_uint32_buf_t b;
    boost::endian::little_uint32_buf_t c;
    boost::endian::little_uint32_buf_t d;
};
static_assert(WireStruct<CpuidLeafLayout> && sizeof(CpuidLeafLayout) == 24);

/// "X86_MSR_POLICY": xen_msr_entry_t (public/arch-x86/xen.h).
struct MsrEntryLayout {
    boost::endian::little_uint32_buf_t index;
    boost::endian::little_uint32_buf_t flags;  ///< Xen accepts 0 only
    boost::endian::little_uint64_buf_t value;
};
static_assert(WireStruct<MsrEntryLayout> && sizeof(MsrEntryLayout) == 16);

/// docs/stream-extensions.md, "GRANT_TABLE_INFO".
struct GrantTableInfoLayout {
    boost::endian::little_uint32_buf_t version;           ///< 1 or 2
    boost::endian::little_uint32_buf_t nr_frames;         ///< frames of the table
    boost::endian::little_uint32_buf_t max_frames;        ///< to which it may grow
    boost::endian::little_uint32_buf_t max_version;       ///< that the domain may use; 0: not known
    boost::endian::little_uint32_buf_t nr_status_frames;  ///< as version and nr_frames imply
    boost::endian::little_uint32_buf_t reserved1;
    boost::endian::little_uint64_buf_t reserved2;
};
static_assert(WireStruct<GrantTableInfoLayout> && sizeof(GrantTableInfoLayout) == 32);

/// "GRANT_TABLE_ENTRIES": after it count GrantEntryLayout.
struct GrantTableEntriesHeader {
    boost::endian::little_uint32_buf_t version;    ///< 1 or 2
    boost::endian::little_uint32_buf_t count;      ///< may be 0
    boost::endian::little_uint32_buf_t nr_frames;  ///< frames of the table
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<GrantTableEntriesHeader> && sizeof(GrantTableEntriesHeader) == 16);

/// "GRANT_TABLE_ENTRIES". What does not apply to an entry is 0.
struct GrantEntryLayout {
    boost::endian::little_uint32_buf_t ref;
    boost::endian::little_uint16_buf_t flags;  ///< GTF_*, as the guest and Xen wrote them
    boost::endian::little_uint16_buf_t domid;
    boost::endian::little_uint64_buf_t frame;  ///< pfn, or no_grant_frame
    boost::endian::little_uint16_buf_t page_offset;
    boost::endian::little_uint16_buf_t
        length;  ///< octets from page_offset on; sub-page access only
    boost::endian::little_uint16_buf_t trans_domid;
    boost::endian::little_uint16_buf_t status;  ///< version 2: GTF_reading, GTF_writing
    boost::endian::little_uint32_buf_t trans_ref;
    boost::endian::little_uint32_buf_t reserved;
};
static_assert(WireStruct<GrantEntryLayout> && sizeof(GrantEntryLayout) == 32);

/// "GRANT_TABLE_ENTRIES", field "frame": the entry has none, or one that is not the guest's.
inline constexpr std::uint64_t no_grant_frame = ~std::uint64_t{0};

}  // namespace sr
