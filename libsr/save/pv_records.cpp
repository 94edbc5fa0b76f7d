// SPDX-License-Identifier: LGPL-2.1-or-later
// Writing a PV domain's records around its memory.
#include "libsr/save/pv_records.hpp"

#include "libsr/mem/vcpu_context.hpp"
#include "libsr/xen/cpu_policy.hpp"
#include "libsr/xen/page_types.hpp"
#include "libsr/xen/vcpu_state.hpp"

#include <cstdint>

namespace sr {
namespace {

void write_vcpu_record(RecordType type, std::uint32_t vcpu, std::span<const std::byte> blob,
                       StreamWriter& writer)
{
    const VcpuHeader header = encode_vcpu_header(vcpu);
    writer.write_record(type, {octets_of(header), blob});
}

void write_vcpu(const VcpuState& state, std::uint32_t vcpu, const PvGuest& guest,
                StreamWriter& writer)
{
    Octets context = state.context(vcpu);
    normalise_vcpu_context(context, vcpu, guest.abi(), guest.translator());
    write_vcpu_record(RecordType::x86_pv_vcpu_basic, vcpu, context, writer);
    write_vcpu_record(RecordType::x86_pv_vcpu_extended, vcpu, state.extended(vcpu), writer);
    // Neither need exist: a host without XSAVE, a guest without MSRs of its own.
    if (const Octets xsave = state.xsave(vcpu); !xsave.empty()) {
        write_vcpu_record(RecordType::x86_pv_vcpu_xsave, vcpu, xsave, writer);
    }
    if (const Octets msrs = state.msrs(vcpu); !msrs.empty()) {
        write_vcpu_record(RecordType::x86_pv_vcpu_msrs, vcpu, msrs, writer);
    }
}

}  // namespace

void write_static_records(const Domain& domain, const GuestAbi& abi, StreamWriter& writer)
{
    const PvInfoLayout pv_info = encode_pv_info(abi.width);
    writer.write_record(RecordType::x86_pv_info, {octets_of(pv_info)});
    const CpuPolicy policy = cpu_policy_of(domain);
    if (!policy.leaves.empty()) {
        writer.write_record(RecordType::x86_cpuid_policy, {policy.leaves});
    }
    if (!policy.msrs.empty()) {
        writer.write_record(RecordType::x86_msr_policy, {policy.msrs});
    }
}

void write_p2m_frames(const PvGuest& guest, StreamWriter& writer)
{
    const Octets body =
        encode_p2m_frames(Pfn{0}, guest.highest_pfn(), guest.abi().width, guest.p2m_frames());
    writer.write_record(RecordType::x86_pv_p2m_frames, {body});
}

void write_machine_records(const Domain& domain, const DomainInfo& info, const PvGuest& guest,
                           StreamWriter& writer)
{
    const TscState tsc = domain.tsc();
    const TscInfoLayout tsc_body =
        encode_tsc_info({tsc.mode, tsc.khz, tsc.elapsed_ns, tsc.incarnation});
    writer.write_record(RecordType::x86_tsc_info, {octets_of(tsc_body)});
    writer.write_record(RecordType::shared_info, {guest.shared_info()});
    const VcpuState state{domain, guest.abi().vcpu.length_octets};
    for (std::uint32_t vcpu = 0; vcpu < info.nr_vcpus; ++vcpu) {
        if (state.online(vcpu)) {
            write_vcpu(state, vcpu, guest, writer);
        } else if (vcpu == 0) {
            // Its registers hold the frame of start_info: a stream without them is no guest.
            throw Error{Errc::guest, "vCPU 0 of domain %u is offline", domain.domid()};
        }
    }
}

}  // namespace sr
