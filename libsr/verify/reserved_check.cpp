// SPDX-License-Identifier: LGPL-2.1-or-later
// Reserved fields: written as zero, ignored by a restore, reported here.
#include "libsr/verify/record_check.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// The T at the start of the body, if it is that long.
template <WireStruct T>
std::optional<T> start_of(std::span<const std::byte> body)
{
    if (body.size() < sizeof(T)) {
        return std::nullopt;
    }
    return load<T>(body, 0);
}

/// Entries of an array with something reserved.
template <WireStruct T, typename Reserved>
std::uint64_t count_reserved(std::span<const std::byte> array, Reserved&& reserved)
{
    std::uint64_t count = 0;
    for (std::size_t at = 0; at + sizeof(T) <= array.size(); at += sizeof(T)) {
        count += reserved(load<T>(array, at)) != 0 ? 1U : 0U;
    }
    return count;
}

void report(std::uint64_t reserved, RecordType type, Findings& findings)
{
    if (reserved != 0) {
        findings.deviation(FindingKind::reserved, "%s: a reserved field is not zero (%#" PRIx64 ")",
                           name_of(type), reserved);
    }
}

void check_vcpu(RecordType type, std::span<const std::byte> body, Findings& findings)
{
    if (const auto header = start_of<VcpuHeader>(body)) {
        report(header->reserved.value(), type, findings);
        if (type == RecordType::x86_pv_vcpu_msrs) {
            const auto count = count_reserved<VcpuMsrLayout>(
                body.subspan(sizeof(VcpuHeader)),
                [](const VcpuMsrLayout& msr) { return msr.reserved.value(); });
            report(count, type, findings);
        }
    }
}

void check_grants(std::span<const std::byte> body, Findings& findings)
{
    constexpr RecordType type = RecordType::grant_table_entries;
    if (const auto header = start_of<GrantTableEntriesHeader>(body)) {
        report(header->reserved.value(), type, findings);
        report(count_reserved<GrantEntryLayout>(
                   body.subspan(sizeof(GrantTableEntriesHeader)),
                   [](const GrantEntryLayout& entry) { return entry.reserved.value(); }),
               type, findings);
    }
}

}  // namespace

void check_reserved(const ImageHeaderLayout& header, Findings& findings)
{
    if ((header.options.value() & ~image_option_big_endian) != 0 || header.reserved1.value() != 0 ||
        header.reserved2.value() != 0) {
        findings.deviation(FindingKind::reserved, "image header: a reserved field is not zero");
    }
}

void check_reserved(const DomainHeaderLayout& header, Findings& findings)
{
    if (header.reserved.value() != 0) {
        findings.deviation(FindingKind::reserved, "domain header: the reserved field is not zero");
    }
}

void check_reserved(RecordType type, std::span<const std::byte> body, Findings& findings)
{
    switch (type) {
    case RecordType::x86_pv_info:
        if (const auto info = start_of<PvInfoLayout>(body)) {
            report(std::uint64_t{info->reserved1.value()} << 32 | info->reserved2.value(), type,
                   findings);
        }
        break;
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        check_vcpu(type, body, findings);
        break;
    case RecordType::x86_tsc_info:
        if (const auto tsc = start_of<TscInfoLayout>(body)) {
            report(tsc->reserved.value(), type, findings);
        }
        break;
    case RecordType::hvm_params:
        if (const auto header = start_of<HvmParamsHeader>(body)) {
            report(header->reserved.value(), type, findings);
        }
        break;
    case RecordType::x86_msr_policy:
        report(count_reserved<MsrEntryLayout>(
                   body, [](const MsrEntryLayout& msr) { return msr.flags.value(); }),
               type, findings);
        break;
    case RecordType::grant_table_info:
        if (const auto info = start_of<GrantTableInfoLayout>(body)) {
            report(info->reserved2.value() | info->reserved1.value(), type, findings);
        }
        break;
    case RecordType::grant_table_entries:
        check_grants(body, findings);
        break;
    case RecordType::end:
    case RecordType::page_data:  // PageDataCheck's
    case RecordType::x86_pv_p2m_frames:
    case RecordType::shared_info:
    case RecordType::hvm_context:
    case RecordType::toolstack:
    case RecordType::verify:
    case RecordType::checkpoint:
    case RecordType::checkpoint_dirty_pfn_list:
    case RecordType::static_data_end:
    case RecordType::x86_cpuid_policy:
        break;
    }
}

}  // namespace sr
