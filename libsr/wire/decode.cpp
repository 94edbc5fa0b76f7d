// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoders of headers, memory and static data.
#include "libsr/wire/decode.hpp"

#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

/// The whole of `body` as one T.
template <WireStruct T>
T decode_whole(std::span<const std::byte> body, const char* what)
{
    ByteReader reader{body};
    const T value = reader.read<T>(what);
    reader.expect_end(what);
    return value;
}

/// `body` as an array of 1 to `most` T, each turned into a Value by `convert`.
template <WireStruct T, typename Value, typename Convert>
std::vector<Value> decode_array(std::span<const std::byte> body, std::size_t most, const char* what,
                                Convert&& convert)
{
    if (body.size() % sizeof(T) != 0) {
        throw Error{Errc::malformed, "%s: %zu octets are not a multiple of %zu", what, body.size(),
                    sizeof(T)};
    }
    const std::size_t count = body.size() / sizeof(T);
    if (count > most) {
        throw Error{Errc::limit, "%s: %zu entries, at most %zu are read", what, count, most};
    }
    std::vector<Value> values;
    values.reserve(count);
    ByteReader reader{body};
    for (std::size_t i = 0; i < count; ++i) {
        values.push_back(convert(reader.read<T>(what)));
    }
    return values;
}

void expect_entries(std::span<const std::byte> body, const char* what)
{
    if (body.empty()) {
        throw Error{Errc::malformed, "%s: no entries", what};
    }
}

}  // namespace

const char* to_string(DomainType type) noexcept
{
    switch (type) {
    case DomainType::x86_pv:
        return "x86 PV";
    case DomainType::x86_hvm:
        return "x86 HVM";
    }
    return "unknown";
}

ImageHeader decode_image_header(std::span<const std::byte> octets)
{
    const auto header = decode_whole<ImageHeaderLayout>(octets, "image header");
    if (header.marker.value() != image_marker) {
        throw Error{Errc::unsupported,
                    "not a migration stream v2 or v3: the marker is %#018" PRIx64
                    "; images of Xen before 4.6 go through Xen's convert-legacy-stream first",
                    header.marker.value()};
    }
    if (header.id.value() != image_id) {
        throw Error{Errc::malformed, "image header: id %#010" PRIx32 ", not \"XENF\"",
                    header.id.value()};
    }
    if ((header.options.value() & image_option_big_endian) != 0) {
        throw Error{Errc::unsupported,
                    "image header: the stream is big-endian; those of x86 are not"};
    }
    const std::uint32_t version = header.version.value();
    if (version != 2 && version != image_version) {
        throw Error{Errc::unsupported, "image header: version %" PRIu32 ", 2 and 3 are known",
                    version};
    }
    return ImageHeader{version};
}

DomainHeader decode_domain_header(std::span<const std::byte> octets)
{
    const auto header = decode_whole<DomainHeaderLayout>(octets, "domain header");
    const std::uint32_t type = header.type.value();
    if (type != static_cast<std::uint32_t>(DomainType::x86_pv) &&
        type != static_cast<std::uint32_t>(DomainType::x86_hvm)) {
        throw Error{Errc::malformed, "domain header: unknown domain type %#" PRIx32, type};
    }
    if (header.page_shift.value() != 12) {
        throw Error{Errc::malformed, "domain header: page shift %u, not 12",
                    unsigned{header.page_shift.value()}};
    }
    return DomainHeader{static_cast<DomainType>(type), header.xen_major.value(),
                        header.xen_minor.value()};
}

std::uint32_t decode_page_data_header(const PageDataHeader& header, std::uint32_t length)
{
    const std::uint32_t count = header.count.value();
    if (count == 0) {
        throw Error{Errc::malformed, "PAGE_DATA: no pfns"};
    }
    const std::uint64_t list =
        sizeof(PageDataHeader) + std::uint64_t{count} * sizeof(PageEntryLayout);
    if (list > length) {
        throw Error{Errc::malformed,
                    "PAGE_DATA: %" PRIu32 " pfns need %" PRIu64 " octets, the record has %" PRIu32,
                    count, list, length};
    }
    if (count > limits::page_entries_max) {
        throw Error{Errc::limit, "PAGE_DATA: %" PRIu32 " pfns, at most %zu are read", count,
                    limits::page_entries_max};
    }
    return count;
}

PageEntry decode_page_entry(const PageEntryLayout& entry, Pfn max_pfn)
{
    const std::uint64_t word = entry.word.value();
    const Pfn pfn{word & page_entry_pfn_mask};
    const auto type = page_type_from_wire(static_cast<unsigned>(word >> page_entry_type_shift));
    if (!type) {
        throw Error{Errc::malformed, "PAGE_DATA: pfn %#" PRIx64 " has unknown type %#x",
                    pfn.number(), static_cast<unsigned>(word >> page_entry_type_shift)}
            .with_pfn(pfn.number());
    }
    if (pfn > max_pfn) {
        throw Error{Errc::malformed,
                    "PAGE_DATA: pfn %#" PRIx64 " is above the domain's highest, %#" PRIx64,
                    pfn.number(), max_pfn.number()}
            .with_pfn(pfn.number());
    }
    return PageEntry{pfn, *type};
}

std::vector<PageEntry> decode_page_data(std::span<const std::byte> body, Pfn max_pfn)
{
    ByteReader reader{body};
    const auto header = reader.read<PageDataHeader>("PAGE_DATA head");
    const auto length =
        static_cast<std::uint32_t>(std::min<std::size_t>(body.size(), limits::record_length_max));
    const std::uint32_t count = decode_page_data_header(header, length);
    std::vector<PageEntry> entries;
    entries.reserve(count);  // the list is here: decode_page_data_header compared it with the body
    for (std::uint32_t i = 0; i < count; ++i) {
        entries.push_back(
            decode_page_entry(reader.read<PageEntryLayout>("PAGE_DATA list"), max_pfn));
    }
    reader.expect_end("PAGE_DATA list");
    return entries;
}

std::uint64_t page_data_length(std::span<const PageEntry> entries) noexcept
{
    std::uint64_t length = sizeof(PageDataHeader);
    for (const PageEntry& entry : entries) {
        length += sizeof(PageEntryLayout) + (has_contents(entry) ? page_size : 0);
    }
    return length;
}

GuestWidth decode_pv_info(std::span<const std::byte> body)
{
    const auto info = decode_whole<PvInfoLayout>(body, "X86_PV_INFO");
    const unsigned width = info.guest_width.value();
    const unsigned levels = info.pt_levels.value();
    if (const auto known = guest_width_from_wire(width, levels)) {
        return *known;
    }
    throw Error{Errc::malformed, "X86_PV_INFO: no guest has width %u and %u page-table levels",
                width, levels};
}

P2mFrames decode_p2m_frames(std::span<const std::byte> body, GuestWidth width)
{
    ByteReader reader{body};
    const auto header = reader.read<P2mFramesHeader>("X86_PV_P2M_FRAMES head");
    const std::uint32_t start = header.start_pfn.value();
    const std::uint32_t end = header.end_pfn.value();
    if (start > end) {
        throw Error{Errc::malformed,
                    "X86_PV_P2M_FRAMES: starts at pfn %#" PRIx32 ", after its end %#" PRIx32, start,
                    end};
    }
    const std::size_t per_frame = page_size / octets_of_word(width);
    const std::size_t nr_frames = end / per_frame - start / per_frame + 1;
    const auto list = reader.take(nr_frames * sizeof(PfnLayout), "X86_PV_P2M_FRAMES list");
    reader.expect_end("X86_PV_P2M_FRAMES");
    const P2mFrames frames{Pfn{start}, Pfn{end}, start / per_frame, list};
    for (std::size_t i = 0; i < nr_frames; ++i) {
        const Pfn frame = frames.frame(i);
        if (frame.number() > limits::pv_pfn_max) {
            throw Error{Errc::malformed,
                        "X86_PV_P2M_FRAMES: entry %zu names pfn %#" PRIx64 ", above any PV guest",
                        i, frame.number()}
                .with_pfn(frame.number());
        }
    }
    return frames;
}

std::vector<Pfn> decode_dirty_pfns(std::span<const std::byte> body, Pfn max_pfn)
{
    return decode_array<PfnLayout, Pfn>(
        body, limits::record_length_max / sizeof(PfnLayout), "CHECKPOINT_DIRTY_PFN_LIST",
        [max_pfn](const PfnLayout& entry) {
            const Pfn pfn{entry.pfn.value()};
            if (pfn > max_pfn) {
                throw Error{Errc::malformed,
                            "CHECKPOINT_DIRTY_PFN_LIST: pfn %#" PRIx64
                            " is above the domain's highest, %#" PRIx64,
                            pfn.number(), max_pfn.number()}
                    .with_pfn(pfn.number());
            }
            return pfn;
        });
}

std::vector<VcpuMsr> decode_vcpu_msrs(std::span<const std::byte> blob)
{
    return decode_array<VcpuMsrLayout, VcpuMsr>(
        blob, limits::vcpu_msrs_max, "X86_PV_VCPU_MSRS", [](const VcpuMsrLayout& msr) {
            return VcpuMsr{msr.index.value(), msr.value.value()};
        });
}

TscInfo decode_tsc_info(std::span<const std::byte> body)
{
    const auto tsc = decode_whole<TscInfoLayout>(body, "X86_TSC_INFO");
    if (tsc.mode.value() > limits::tsc_mode_max) {
        throw Error{Errc::malformed, "X86_TSC_INFO: unknown mode %" PRIu32, tsc.mode.value()};
    }
    if (tsc.khz.value() > limits::tsc_khz_max) {
        throw Error{Errc::limit, "X86_TSC_INFO: %" PRIu32 " kHz, more than %" PRIu32,
                    tsc.khz.value(), limits::tsc_khz_max};
    }
    return TscInfo{tsc.mode.value(), tsc.khz.value(), tsc.nsec.value(), tsc.incarnation.value()};
}

std::vector<HvmParam> decode_hvm_params(std::span<const std::byte> body)
{
    ByteReader reader{body};
    const auto header = reader.read<HvmParamsHeader>("HVM_PARAMS head");
    const auto list = reader.take_rest();
    const std::uint64_t expected = std::uint64_t{header.count.value()} * sizeof(HvmParamLayout);
    if (list.size() != expected) {
        throw Error{Errc::malformed,
                    "HVM_PARAMS: %" PRIu32 " parameters need %" PRIu64 " octets, %zu are there",
                    header.count.value(), expected, list.size()};
    }
    return decode_array<HvmParamLayout, HvmParam>(
        list, limits::hvm_params_max, "HVM_PARAMS", [](const HvmParamLayout& param) {
            return HvmParam{param.index.value(), param.value.value()};
        });
}

std::vector<CpuidLeaf> decode_cpuid_policy(std::span<const std::byte> body)
{
    expect_entries(body, "X86_CPUID_POLICY");
    return decode_array<CpuidLeafLayout, CpuidLeaf>(
        body, limits::cpuid_leaves_max, "X86_CPUID_POLICY", [](const CpuidLeafLayout& leaf) {
            return CpuidLeaf{leaf.leaf.value(), leaf.subleaf.value(), leaf.a.value(),
                             leaf.b.value(),    leaf.c.value(),       leaf.d.value()};
        });
}

std::vector<MsrEntry> decode_msr_policy(std::span<const std::byte> body)
{
    expect_entries(body, "X86_MSR_POLICY");
    return decode_array<MsrEntryLayout, MsrEntry>(
        body, limits::msr_entries_max, "X86_MSR_POLICY", [](const MsrEntryLayout& msr) {
            return MsrEntry{msr.index.value(), msr.flags.value(), msr.value.value()};
        });
}

}  // namespace sr
