// SPDX-License-Identifier: LGPL-2.1-or-later
// Static data, time and HVM records, and what only the end can tell.
#include "libsr/verify/record_check.hpp"

#include "libsr/verify/grants_check.hpp"
#include "libsr/verify/vcpu_check.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// struct hvm_save_descriptor: xen/include/public/hvm/save.h.
struct HvmSaveDescriptor {
    boost::endian::little_uint16_buf_t type;
    boost::endian::little_uint16_buf_t instance;
    boost::endian::little_uint32_buf_t length;
};
static_assert(WireStruct<HvmSaveDescriptor> && sizeof(HvmSaveDescriptor) == 8);

constexpr std::uint32_t hvm_file_magic =
    0x5438'1286;  ///< public/arch-x86/hvm/save.h, HVM_FILE_MAGIC
constexpr std::uint16_t hvm_save_end = 0;
constexpr std::uint16_t hvm_save_header = 1;

void check_hvm_context(std::span<const std::byte> body, Judgement& judgement)
{
    judgement.summary.hvm_context_octets = decode_hvm_context(body).size();
    ByteReader reader{body};
    bool is_first = true;
    try {
        for (;;) {
            const auto entry = reader.read<HvmSaveDescriptor>("an entry's head");
            ByteReader content{reader.take(entry.length.value(), "an entry")};
            if (is_first &&
                (entry.type.value() != hvm_save_header ||
                 content.read<boost::endian::little_uint32_buf_t>("the magic").value() !=
                     hvm_file_magic)) {
                judgement.findings.error(FindingKind::semantic,
                                         "HVM_CONTEXT: does not start with Xen's header");
                return;
            }
            is_first = false;
            if (entry.type.value() == hvm_save_end) {
                break;
            }
        }
        reader.expect_end("the end of its entries");
    } catch (const Error& e) {
        judgement.findings.error(FindingKind::semantic,
                                 "HVM_CONTEXT: its entries do not add up: %s", e.what());
    }
}

void check_p2m_frames(std::span<const std::byte> body, Judgement& judgement)
{
    StreamSummary& summary = judgement.summary;
    if (!summary.width) {
        return;  // without X86_PV_INFO, which is an error of order, the record cannot be read
    }
    const P2mFrames frames = decode_p2m_frames(body, *summary.width);
    summary.max_pfn = std::max(summary.max_pfn.value_or(Pfn{0}), frames.last());
    // The guest may move its p2m while it is saved: what comes last for a part of it counts.
    std::vector<Pfn>& list = judgement.p2m_frames;
    const std::size_t first = frames.first_frame();
    if (first > list.size()) {
        judgement.findings.error(FindingKind::semantic,
                                 "X86_PV_P2M_FRAMES: from entry %zu on, but none for those from "
                                 "%zu on",
                                 first, list.size());
        return;
    }
    list.resize(std::max(list.size(), first + frames.nr_frames()), Pfn{0});
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        list[first + i] = frames.frame(i);
    }
    summary.p2m_frames = list.size();
}

void check_shared_info(std::span<const std::byte> body, Judgement& judgement)
{
    const auto page = decode_shared_info(body);
    const GuestAbi* abi = judgement.abi();
    if (abi == nullptr || !judgement.summary.max_pfn) {
        return;
    }
    const std::uint64_t covered = judgement.summary.max_pfn->number() + 1;
    const std::uint64_t max_pfn = load_field(page, abi->shared_info.max_pfn);
    if (max_pfn < covered) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "SHARED_INFO: the guest's p2m has %" PRIu64
                                     " entries, X86_PV_P2M_FRAMES covers %" PRIu64,
                                     max_pfn, covered);
    }
}

void check_hvm_params(std::span<const std::byte> body, Judgement& judgement)
{
    judgement.summary.hvm_params = decode_hvm_params(body);
    if (judgement.summary.hvm_params.empty()) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "HVM_PARAMS: has no content and should not be there");
    }
}

void check_p2m_pages(Judgement& judgement)
{
    std::uint64_t nr_bad = 0;
    for (std::size_t i = 0; i < judgement.p2m_frames.size(); ++i) {
        const Pfn frame = judgement.p2m_frames[i];
        const auto type = judgement.types.find(frame);
        if (frame <= judgement.highest() && type == PageType::notab) {
            continue;
        }
        if (++nr_bad == 1) {
            judgement.findings.error(
                FindingKind::semantic,
                "X86_PV_P2M_FRAMES: entry %zu names pfn %#" PRIx64 ", which %s", i, frame.number(),
                frame > judgement.highest() ? "is above the domain's highest"
                : type                      ? "is no ordinary page"
                                            : "the stream does not hold");
        }
    }
    if (nr_bad > 1) {
        judgement.findings.error(FindingKind::semantic,
                                 "X86_PV_P2M_FRAMES: %" PRIu64 " more entries are no better",
                                 nr_bad - 1);
    }
}

}  // namespace

void check_record(RecordType type, std::span<const std::byte> body, Judgement& judgement)
{
    StreamSummary& summary = judgement.summary;
    check_reserved(type, body, judgement.findings);
    switch (type) {
    case RecordType::end:
    case RecordType::checkpoint:
    case RecordType::static_data_end:
        return decode_empty(type, body);
    case RecordType::verify:
        summary.verify_pass = true;
        return decode_empty(type, body);
    case RecordType::x86_pv_info:
        summary.width = decode_pv_info(body);
        return;
    case RecordType::x86_pv_p2m_frames:
        return check_p2m_frames(body, judgement);
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        return check_vcpu_record(type, body, judgement);
    case RecordType::shared_info:
        return check_shared_info(body, judgement);
    case RecordType::x86_tsc_info:
        summary.tsc = decode_tsc_info(body);
        return;
    case RecordType::hvm_context:
        return check_hvm_context(body, judgement);
    case RecordType::hvm_params:
        return check_hvm_params(body, judgement);
    case RecordType::x86_cpuid_policy:
        summary.cpuid = decode_cpuid_policy(body);
        return;
    case RecordType::x86_msr_policy:
        summary.msrs = decode_msr_policy(body);
        return;
    case RecordType::grant_table_info:
        return check_grant_info(body, judgement);
    case RecordType::grant_table_entries:
        return check_grant_entries(body, judgement);
    case RecordType::checkpoint_dirty_pfn_list:
        (void)decode_dirty_pfns(body, judgement.highest());
        return;
    case RecordType::page_data:
    case RecordType::toolstack:
        return;
    }
}

void check_whole(Judgement& judgement)
{
    check_granted_pages(judgement);
    const bool is_pv =
        judgement.summary.domain && judgement.summary.domain->type == DomainType::x86_pv;
    if (!is_pv) {
        return;
    }
    const auto first = judgement.summary.vcpus.find(0);
    if (first == judgement.summary.vcpus.end() || !first->second.basic) {
        judgement.findings.error(FindingKind::semantic, "vCPU 0 has no X86_PV_VCPU_BASIC");
    }
    for (const auto& [id, facts] : judgement.summary.vcpus) {
        if (id != 0 && !facts.basic) {
            judgement.findings.error(FindingKind::semantic,
                                     "vCPU %" PRIu32 " has records but no X86_PV_VCPU_BASIC", id);
        }
    }
    if (judgement.types.complete()) {
        check_p2m_pages(judgement);
        if (const GuestAbi* abi = judgement.abi()) {
            judgement.tables.check(*abi, judgement.types, judgement.findings);
        }
    }
}

}  // namespace sr
