// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping vCPU records.
#include "libsr/restore/vcpu_records.hpp"

#include "libsr/base/bytes.hpp"

namespace sr {
namespace {

Octets& blob_of(VcpuBlobs& blobs, RecordType type)
{
    switch (type) {
    case RecordType::x86_pv_vcpu_basic:
        return blobs.basic;
    case RecordType::x86_pv_vcpu_extended:
        return blobs.extended;
    case RecordType::x86_pv_vcpu_xsave:
        return blobs.xsave;
    case RecordType::x86_pv_vcpu_msrs:
        return blobs.msrs;
    default:
        throw Error{Errc::internal, "record type %u is no vCPU record", to_wire(type)};
    }
}

/// An EXTENDED blob (struct xen_domctl_ext_vcpucontext) begins with the number of its vCPU: the record's own must be
/// the same, or the hypervisor would be given another vCPU's state.
void require_same_vcpu(const VcpuBlob& extended)
{
    ByteReader reader{extended.blob};
    const auto inner = load<std::uint32_t>(reader.take(sizeof(std::uint32_t), "extended state"), 0);
    if (inner != extended.vcpu_id) {
        throw Error{Errc::malformed, "extended state for vCPU %u is that of vCPU %u",
                    extended.vcpu_id, inner};
    }
}

}  // namespace

void VcpuRecords::apply(RecordType type, std::span<const std::byte> body)
{
    const VcpuBlob decoded = decode_vcpu(type, body, width_, nr_vcpus_);
    if (decoded.blob.empty()) {
        return;  // senders of old wrote such records
    }
    if (type == RecordType::x86_pv_vcpu_extended) {
        require_same_vcpu(decoded);
    }
    blob_of(vcpus_[decoded.vcpu_id], type).assign(decoded.blob.begin(), decoded.blob.end());
}

}  // namespace sr
