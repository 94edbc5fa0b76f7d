// SPDX-License-Identifier: LGPL-2.1-or-later
// The encoders.
#include "libsr/wire/encode.hpp"

#include "libsr/wire/limits.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// All values as an array of T.
template <WireStruct T, typename Value, typename Convert>
Octets encode_array(std::span<const Value> values, Convert&& convert)
{
    Octets octets;
    octets.reserve(values.size() * sizeof(T));
    for (const Value& value : values) {
        append(octets, convert(value));
    }
    return octets;
}

PageEntryLayout encode_page_entry(const PageEntry& entry)
{
    if (entry.pfn.number() > page_entry_pfn_mask) {
        throw Error{Errc::internal, "pfn %#" PRIx64 " does not fit a PAGE_DATA record",
                    entry.pfn.number()};
    }
    PageEntryLayout layout{};
    layout.word = std::uint64_t{to_wire(entry.type)} << page_entry_type_shift | entry.pfn.number();
    return layout;
}

PfnLayout encode_pfn(Pfn pfn) noexcept
{
    PfnLayout layout{};
    layout.pfn = pfn.number();
    return layout;
}

}  // namespace

ImageHeaderLayout encode_image_header() noexcept
{
    ImageHeaderLayout header{};
    header.marker = image_marker;
    header.id = image_id;
    header.version = image_version;
    return header;
}

DomainHeaderLayout encode_domain_header(const DomainHeader& header) noexcept
{
    DomainHeaderLayout layout{};
    layout.type = static_cast<std::uint32_t>(header.type);
    layout.page_shift = 12;
    layout.xen_major = header.xen_major;
    layout.xen_minor = header.xen_minor;
    return layout;
}

RecordHeader encode_record_header(std::uint32_t type, std::uint32_t length) noexcept
{
    RecordHeader header{};
    header.type = type;
    header.length = length;
    return header;
}

std::span<const std::byte> encode_page_data(std::span<std::byte> to,
                                            std::span<const PageEntry> entries)
{
    const std::size_t length = page_data_list_length(entries.size());
    if (entries.empty() || entries.size() > limits::page_entries_max || length > to.size()) {
        throw Error{Errc::internal, "cannot encode PAGE_DATA of %zu pfns in %zu octets",
                    entries.size(), to.size()};
    }
    PageDataHeader header{};
    header.count = static_cast<std::uint32_t>(entries.size());
    store(to, 0, header);
    std::size_t at = sizeof(header);
    for (const PageEntry& entry : entries) {
        store(to, at, encode_page_entry(entry));
        at += sizeof(PageEntryLayout);
    }
    return to.first(length);
}

PvInfoLayout encode_pv_info(GuestWidth width) noexcept
{
    PvInfoLayout layout{};
    layout.guest_width = static_cast<std::uint8_t>(octets_of_word(width));
    layout.pt_levels = static_cast<std::uint8_t>(levels_of(width));
    return layout;
}

Octets encode_p2m_frames(Pfn first, Pfn last, GuestWidth width, std::span<const Pfn> frames)
{
    const std::size_t per_frame = page_size / octets_of_word(width);
    if (first > last || last.number() > limits::pv_pfn_max ||
        frames.size() != last.number() / per_frame - first.number() / per_frame + 1) {
        throw Error{Errc::internal, "%zu frames are not the p2m of pfns %#" PRIx64 " to %#" PRIx64,
                    frames.size(), first.number(), last.number()};
    }
    P2mFramesHeader header{};
    header.start_pfn = static_cast<std::uint32_t>(first.number());
    header.end_pfn = static_cast<std::uint32_t>(last.number());
    Octets octets;
    octets.reserve(sizeof(header) + frames.size() * sizeof(PfnLayout));
    append(octets, header);
    for (const Pfn frame : frames) {
        append(octets, encode_pfn(frame));
    }
    return octets;
}

VcpuHeader encode_vcpu_header(std::uint32_t vcpu_id) noexcept
{
    VcpuHeader header{};
    header.vcpu_id = vcpu_id;
    return header;
}

Octets encode_vcpu_msrs(std::span<const VcpuMsr> msrs)
{
    return encode_array<VcpuMsrLayout>(msrs, [](const VcpuMsr& msr) {
        VcpuMsrLayout layout{};
        layout.index = msr.index;
        layout.value = msr.value;
        return layout;
    });
}

TscInfoLayout encode_tsc_info(const TscInfo& tsc) noexcept
{
    TscInfoLayout layout{};
    layout.mode = tsc.mode;
    layout.khz = tsc.khz;
    layout.nsec = tsc.nsec;
    layout.incarnation = tsc.incarnation;
    return layout;
}

Octets encode_hvm_params(std::span<const HvmParam> params)
{
    if (params.size() > limits::hvm_params_max) {
        throw Error{Errc::internal, "%zu HVM parameters are too many", params.size()};
    }
    HvmParamsHeader header{};
    header.count = static_cast<std::uint32_t>(params.size());
    Octets octets;
    octets.reserve(sizeof(header) + params.size_bytes());
    append(octets, header);
    for (const HvmParam& param : params) {
        HvmParamLayout layout{};
        layout.index = param.index;
        layout.value = param.value;
        append(octets, layout);
    }
    return octets;
}

Octets encode_dirty_pfns(std::span<const Pfn> pfns)
{
    return encode_array<PfnLayout>(pfns, encode_pfn);
}

Octets encode_cpuid_policy(std::span<const CpuidLeaf> leaves)
{
    return encode_array<CpuidLeafLayout>(leaves, [](const CpuidLeaf& leaf) {
        CpuidLeafLayout layout{};
        layout.leaf = leaf.leaf;
        layout.subleaf = leaf.subleaf;
        layout.a = leaf.a;
        layout.b = leaf.b;
        layout.c = leaf.c;
        layout.d = leaf.d;
        return layout;
    });
}

Octets encode_msr_policy(std::span<const MsrEntry> entries)
{
    return encode_array<MsrEntryLayout>(entries, [](const MsrEntry& entry) {
        MsrEntryLayout layout{};
        layout.index = entry.index;
        layout.flags = entry.flags;
        layout.value = entry.value;
        return layout;
    });
}

}  // namespace sr
