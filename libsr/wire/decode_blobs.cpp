// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoders of records that are blobs or empty: their lengths are what there is to check.
#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"

#include <cinttypes>

namespace sr {
namespace {

void check_basic(std::size_t length, GuestWidth width)
{
    const std::size_t expected = guest_abi(width).vcpu.length_octets;
    if (length != expected) {
        throw Error{Errc::malformed, "X86_PV_VCPU_BASIC: the context has %zu octets, not %zu",
                    length, expected};
    }
}

void check_at_most(std::size_t length, std::size_t most, const char* what)
{
    if (length > most) {
        throw Error{Errc::malformed, "%s: the context has %zu octets, at most %zu make sense", what,
                    length, most};
    }
}

void check_vcpu_blob_length(RecordType type, std::size_t length, GuestWidth width)
{
    if (type == RecordType::x86_pv_vcpu_basic) {
        check_basic(length, width);
    } else if (type == RecordType::x86_pv_vcpu_extended) {
        check_at_most(length, limits::vcpu_extended_length_max, "X86_PV_VCPU_EXTENDED");
    } else if (type == RecordType::x86_pv_vcpu_xsave) {
        check_at_most(length, limits::vcpu_xsave_length_max, "X86_PV_VCPU_XSAVE");
        if (length < limits::vcpu_xsave_length_min) {
            throw Error{Errc::malformed,
                        "X86_PV_VCPU_XSAVE: the context has %zu octets, fewer than %zu", length,
                        limits::vcpu_xsave_length_min};
        }
    } else if (type == RecordType::x86_pv_vcpu_msrs) {
        check_at_most(length, limits::vcpu_msrs_max * sizeof(VcpuMsrLayout), "X86_PV_VCPU_MSRS");
        if (length % sizeof(VcpuMsrLayout) != 0) {
            throw Error{Errc::malformed, "X86_PV_VCPU_MSRS: %zu octets are not a multiple of %zu",
                        length, sizeof(VcpuMsrLayout)};
        }
    } else {
        throw Error{Errc::internal, "%s is no vCPU record", name_of(type)};
    }
}

}  // namespace

VcpuBlob decode_vcpu(RecordType type, std::span<const std::byte> body, GuestWidth width,
                     std::uint32_t nr_vcpus)
{
    ByteReader reader{body};
    const auto header = reader.read<VcpuHeader>(name_of(type));
    const VcpuBlob vcpu{header.vcpu_id.value(), reader.take_rest()};
    if (!vcpu.blob.empty()) {
        check_vcpu_blob_length(type, vcpu.blob.size(), width);
    }
    if (vcpu.vcpu_id >= nr_vcpus) {
        throw Error{Errc::malformed, "%s: vCPU %" PRIu32 ", the domain has %" PRIu32, name_of(type),
                    vcpu.vcpu_id, nr_vcpus};
    }
    return vcpu;
}

std::span<const std::byte, page_size> decode_shared_info(std::span<const std::byte> body)
{
    if (body.size() != page_size) {
        throw Error{Errc::malformed, "SHARED_INFO: %zu octets, not %zu", body.size(), page_size};
    }
    return body.first<page_size>();
}

std::span<const std::byte> decode_hvm_context(std::span<const std::byte> body)
{
    if (body.empty()) {
        throw Error{Errc::malformed, "HVM_CONTEXT: empty"};
    }
    return body;
}

void decode_empty(RecordType type, std::span<const std::byte> body)
{
    if (!body.empty()) {
        throw Error{Errc::malformed, "%s: has no body, but %zu octets are there", name_of(type),
                    body.size()};
    }
}

}  // namespace sr
