// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the decoders of decode_blobs.cpp: a record's type, the guest's width, the number of vCPUs, then the body.
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/seeds.hpp"

namespace sr::fuzz {
namespace {

constexpr RecordType vcpu_types[] = {RecordType::x86_pv_vcpu_basic,
                                     RecordType::x86_pv_vcpu_extended,
                                     RecordType::x86_pv_vcpu_xsave, RecordType::x86_pv_vcpu_msrs};
constexpr RecordType empty_types[] = {RecordType::end, RecordType::verify, RecordType::checkpoint,
                                      RecordType::static_data_end};

void vcpu(RecordType type, Input body, GuestWidth width, std::uint32_t nr_vcpus)
{
    const VcpuBlob vcpu = decode_vcpu(type, body, width, nr_vcpus);
    require(vcpu.vcpu_id < nr_vcpus, "a vCPU that the domain does not have");
    require(vcpu.blob.size() == body.size() - sizeof(VcpuHeader),
            "a blob that is not the rest of its record");
    if (type == RecordType::x86_pv_vcpu_msrs) {
        require(decode_vcpu_msrs(vcpu.blob).size() * sizeof(VcpuMsrLayout) == vcpu.blob.size(),
                "MSRs are missing");
    }
}

void decode(unsigned which, Input body, unsigned bounds)
{
    const GuestWidth width = bounds % 2 == 0 ? GuestWidth::bits64 : GuestWidth::bits32;
    if (which < 4) {
        vcpu(vcpu_types[which], body, width, bounds < 8 ? bounds + 1 : limits::vcpus_max);
    } else if (which < 8) {
        decode_empty(empty_types[which - 4], body);
        require(body.empty(), "a record without a body has one");
    } else if (which == 8) {
        require(decode_shared_info(body).data() == body.data(), "SHARED_INFO is not its body");
    } else {
        require(!decode_hvm_context(body).empty(), "an empty HVM_CONTEXT");
    }
}

void run(Input input)
{
    Choices choices{input};
    const unsigned which = choices.octet() % 10;
    const unsigned bounds = choices.octet();
    const Octets body = choices.rest();
    (void)survives([&] { decode(which, body, bounds); });
}

std::vector<Seed> seeds()
{
    constexpr std::pair<unsigned, const char*> goldens[] = {{0, "x86_pv_vcpu_basic.hex"},
                                                            {1, "x86_pv_vcpu_extended.hex"},
                                                            {2, "x86_pv_vcpu_xsave.hex"},
                                                            {3, "x86_pv_vcpu_msrs.hex"},
                                                            {4, "end.hex"},
                                                            {5, "verify.hex"},
                                                            {6, "checkpoint.hex"},
                                                            {7, "static_data_end.hex"},
                                                            {8, "shared_info.hex"},
                                                            {9, "hvm_context.hex"}};
    std::vector<Seed> made = findings_of("blobs");
    for (const auto& [which, name] : goldens) {
        made.push_back({name, prefixed({which, 0}, test::golden_body(name))});
    }
    // The context of a 32-bit vCPU, which has no golden file of its own: its length is what matters.
    Octets context(8 + guest_abi(GuestWidth::bits32).vcpu.length_octets);
    made.push_back({"x86_pv_vcpu_basic_32", prefixed({0, 1}, context)});
    return made;
}

}  // namespace

const Target blobs_target = {"blobs", run, seeds};

}  // namespace sr::fuzz
