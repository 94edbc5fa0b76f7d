// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping vCPU records.
#include "libsr/restore/vcpu_records.hpp"

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

}  // namespace

void VcpuRecords::apply(RecordType type, std::span<const std::byte> body)
{
    const VcpuBlob decoded = decode_vcpu(type, body, width_, nr_vcpus_);
    if (decoded.blob.empty()) {
        return;  // senders of old wrote such records
    }
    blob_of(vcpus_[decoded.vcpu_id], type).assign(decoded.blob.begin(), decoded.blob.end());
}

}  // namespace sr
