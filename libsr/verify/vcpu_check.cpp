// SPDX-License-Identifier: LGPL-2.1-or-later
// vCPU contexts: ids, lengths, and the frames they name.
#include "libsr/verify/vcpu_check.hpp"

#include "libsr/mem/p2m.hpp"
#include "libsr/mem/vcpu_context.hpp"

#include <cinttypes>

namespace sr {
namespace {

constexpr std::size_t gdt_frames_max = 16;

/// The start of struct xen_domctl_ext_vcpucontext (public/domctl.h).
struct ExtendedStart {
    boost::endian::little_uint32_buf_t vcpu;
    boost::endian::little_uint32_buf_t size;
};
static_assert(WireStruct<ExtendedStart> && sizeof(ExtendedStart) == 8);

/// The start of the blob of XEN_DOMCTL_setvcpuextstate.
struct XsaveStart {
    boost::endian::little_uint64_buf_t xcr0;
    boost::endian::little_uint64_buf_t xcr0_accum;
};
static_assert(WireStruct<XsaveStart> && sizeof(XsaveStart) == 16);

/// Every pfn that the context may name: more than it does, where a field is not in use.
std::vector<Pfn> frames_named(std::span<const std::byte> context, const GuestAbi& abi)
{
    std::vector<Pfn> frames{Pfn{load_field(context, abi.vcpu.dx)}};
    for (std::size_t i = 0; i < gdt_frames_max; ++i) {
        frames.emplace_back(load_field(context, element(abi.vcpu.gdt_frames, i)));
    }
    for (const std::size_t number : {1U, 3U}) {
        if (const auto frame =
                abi.frame_of_cr3(load_field(context, element(abi.vcpu.ctrlreg, number)))) {
            frames.emplace_back(*frame);
        }
    }
    return frames;
}

/// Translates the context as a restore would, in a domain where each pfn has the mfn of that
/// number.
void check_basic(const VcpuBlob& vcpu, Judgement& judgement)
{
    const GuestAbi* abi = judgement.abi();
    if (abi == nullptr || !judgement.summary.max_pfn || !judgement.types.complete()) {
        return;
    }
    RestoreP2m p2m{*abi, judgement.summary.max_pfn};
    for (const Pfn pfn : frames_named(vcpu.blob, *abi)) {
        if (const auto type = judgement.types.find(pfn); type && p2m.may_have(pfn)) {
            p2m.set_type(pfn, *type);
            if (needs_frame(*type)) {
                p2m.set_mfn(pfn, Mfn{pfn.number()});
            }
        }
    }
    Octets context(vcpu.blob.begin(), vcpu.blob.end());
    try {
        localise_vcpu_context(context, vcpu.vcpu_id, *abi, p2m);
    } catch (const Error& e) {
        judgement.findings.error(FindingKind::semantic, e);
        return;
    }
    if (const auto frame =
            abi->frame_of_cr3(load_field(vcpu.blob, element(abi->vcpu.ctrlreg, 3)))) {
        judgement.tables.add_root(Pfn{*frame});
    }
}

void check_extended(const VcpuBlob& vcpu, Findings& findings)
{
    if (vcpu.blob.size() < sizeof(ExtendedStart)) {
        return;
    }
    const auto start = load<ExtendedStart>(vcpu.blob, 0);
    if (start.vcpu.value() != vcpu.vcpu_id) {
        findings.error(FindingKind::semantic,
                       "X86_PV_VCPU_EXTENDED: of vCPU %" PRIu32
                       ", but its context says vCPU %" PRIu32,
                       vcpu.vcpu_id, start.vcpu.value());
    }
    if (start.size.value() != vcpu.blob.size()) {
        findings.deviation(FindingKind::semantic,
                           "X86_PV_VCPU_EXTENDED: %zu octets, but its context says %" PRIu32,
                           vcpu.blob.size(), start.size.value());
    }
}

void check_xsave(const VcpuBlob& vcpu, Findings& findings)
{
    const auto start = load<XsaveStart>(vcpu.blob, 0);
    if ((start.xcr0.value() & ~start.xcr0_accum.value()) != 0) {
        findings.deviation(FindingKind::semantic,
                           "X86_PV_VCPU_XSAVE: vCPU %" PRIu32
                           " uses states that its xcr0_accum lacks",
                           vcpu.vcpu_id);
    }
}

std::optional<std::uint32_t>& fact_of(VcpuFacts& facts, RecordType type)
{
    if (type == RecordType::x86_pv_vcpu_basic) {
        return facts.basic;
    }
    if (type == RecordType::x86_pv_vcpu_extended) {
        return facts.extended;
    }
    return type == RecordType::x86_pv_vcpu_xsave ? facts.xsave : facts.msrs;
}

void note_vcpu(RecordType type, const VcpuBlob& vcpu, Judgement& judgement)
{
    auto& fact = fact_of(judgement.summary.vcpus[vcpu.vcpu_id], type);
    if (fact && judgement.summary.checkpoints == 0) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "%s: comes a second time for vCPU %" PRIu32, name_of(type),
                                     vcpu.vcpu_id);
    }
    fact = static_cast<std::uint32_t>(vcpu.blob.size());
}

}  // namespace

void check_vcpu_record(RecordType type, std::span<const std::byte> body, Judgement& judgement)
{
    // Without X86_PV_INFO, which is an error of order, any width serves.
    const GuestWidth width = judgement.summary.width.value_or(GuestWidth::bits64);
    const VcpuBlob vcpu = decode_vcpu(type, body, width, limits::vcpus_max);
    if (vcpu.blob.empty()) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "%s: has no content and should not be there", name_of(type));
        return;
    }
    note_vcpu(type, vcpu, judgement);
    if (type == RecordType::x86_pv_vcpu_basic) {
        check_basic(vcpu, judgement);
    } else if (type == RecordType::x86_pv_vcpu_extended) {
        check_extended(vcpu, judgement.findings);
    } else if (type == RecordType::x86_pv_vcpu_xsave) {
        check_xsave(vcpu, judgement.findings);
    }
}

}  // namespace sr
