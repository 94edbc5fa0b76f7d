// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the decoders of decode.cpp: the first octet says which, the second with what bounds, the rest is the body.
#include "libsr/wire/decode.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/seeds.hpp"

#include <iterator>

namespace sr::fuzz {
namespace {

/// Bounds that a decoder is given from outside the body.
struct Bounds {
    Pfn max_pfn;
    GuestWidth width;
};

Bounds bounds_of(unsigned choice)
{
    constexpr std::uint64_t highest[] = {15, 0xffff, limits::pv_pfn_max, limits::pfn_max};
    return {Pfn{highest[choice / 2 % 4]},
            choice % 2 == 0 ? GuestWidth::bits64 : GuestWidth::bits32};
}

void image_header(Input body, Bounds)
{
    const auto header = decode_image_header(body);
    require(header.version == 2 || header.version == 3, "a version that nobody knows");
}

void domain_header(Input body, Bounds)
{
    const auto header = decode_domain_header(body);
    const auto again = decode_domain_header(octets_of(encode_domain_header(header)));
    require(again.type == header.type && again.xen_major == header.xen_major &&
                again.xen_minor == header.xen_minor,
            "a domain header is not what it encodes to");
}

void page_data(Input body, Bounds bounds)
{
    const auto entries = decode_page_data(body, bounds.max_pfn);
    require(!entries.empty() && entries.size() <= limits::page_entries_max,
            "a number of pages out of bounds");
    for (const PageEntry& entry : entries) {
        require(entry.pfn <= bounds.max_pfn, "a pfn above the highest");
    }
    Octets room(page_data_list_length(entries.size()));
    require(decode_page_data(encode_page_data(room, entries), bounds.max_pfn) == entries,
            "a list of pages is not what it encodes to");
}

void pv_info(Input body, Bounds)
{
    const GuestWidth width = decode_pv_info(body);
    require(decode_pv_info(octets_of(encode_pv_info(width))) == width,
            "X86_PV_INFO is not what it encodes to");
}

void p2m_frames(Input body, Bounds bounds)
{
    const P2mFrames frames = decode_p2m_frames(body, bounds.width);
    std::vector<Pfn> list;
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        list.push_back(frames.frame(i));
        require(list.back().number() <= limits::pv_pfn_max, "a p2m frame above any PV guest's");
    }
    const Octets again = encode_p2m_frames(frames.first(), frames.last(), bounds.width, list);
    require(same_octets(again, body), "X86_PV_P2M_FRAMES is not what it encodes to");
}

void dirty_pfns(Input body, Bounds bounds)
{
    const auto pfns = decode_dirty_pfns(body, bounds.max_pfn);
    for (const Pfn pfn : pfns) {
        require(pfn <= bounds.max_pfn, "a dirty pfn above the highest");
    }
    require(same_octets(encode_dirty_pfns(pfns), body),
            "a list of dirty pfns is not what it encodes to");
}

void vcpu_msrs(Input body, Bounds)
{
    const auto msrs = decode_vcpu_msrs(body);
    require(msrs.size() <= limits::vcpu_msrs_max &&
                decode_vcpu_msrs(encode_vcpu_msrs(msrs)) == msrs,
            "a vCPU's MSRs are not what they encode to");
}

void tsc_info(Input body, Bounds)
{
    const TscInfo tsc = decode_tsc_info(body);
    require(tsc.mode <= limits::tsc_mode_max, "a tsc mode that nobody knows");
    require(decode_tsc_info(octets_of(encode_tsc_info(tsc))) == tsc,
            "X86_TSC_INFO is not what it encodes to");
}

void hvm_params(Input body, Bounds)
{
    const auto params = decode_hvm_params(body);
    require(params.size() <= limits::hvm_params_max &&
                decode_hvm_params(encode_hvm_params(params)) == params,
            "HVM_PARAMS is not what it encodes to");
}

void cpuid_policy(Input body, Bounds)
{
    const auto leaves = decode_cpuid_policy(body);
    require(!leaves.empty() && same_octets(encode_cpuid_policy(leaves), body),
            "X86_CPUID_POLICY is not what it encodes to");
}

void msr_policy(Input body, Bounds)
{
    const auto entries = decode_msr_policy(body);
    require(!entries.empty() && same_octets(encode_msr_policy(entries), body),
            "X86_MSR_POLICY is not what it encodes to");
}

void grant_table_info(Input body, Bounds)
{
    const auto info = decode_grant_table_info(body);
    require(decode_grant_table_info(octets_of(encode_grant_table_info(info))) == info,
            "GRANT_TABLE_INFO is not what it encodes to");
}

void grant_table_entries(Input body, Bounds bounds)
{
    const auto table = decode_grant_table_entries(body, bounds.max_pfn);
    for (const StreamGrantEntry& entry : table.entries) {
        require(!entry.frame || *entry.frame <= bounds.max_pfn, "a grant above the highest pfn");
        require(entry.ref / grants_per_frame(table.version) < table.nr_frames,
                "a grant beyond the table");
    }
    require(decode_grant_table_entries(encode_grant_table_entries(table), bounds.max_pfn) == table,
            "GRANT_TABLE_ENTRIES is not what it encodes to");
}

/// No record's, but the guest's own octets: any of them are a table.
void grant_frame(Input body, Bounds bounds)
{
    const GrantVersion version =
        bounds.width == GuestWidth::bits64 ? GrantVersion::v2 : GrantVersion::v1;
    constexpr std::size_t status_length = 2 * grants_per_frame(GrantVersion::v2);
    Octets octets{body.begin(), body.end()};
    octets.resize(page_size + status_length);
    const bool with_status = version == GrantVersion::v2 && body.size() > page_size;
    GrantTableEntries table{.version = version, .nr_frames = 1, .entries = {}};
    std::vector<GrantEntry> entries;
    decode_grant_frame(version, std::span{octets}.first<page_size>(),
                       std::span{octets}.subspan(page_size, with_status ? status_length : 0), 0,
                       entries);
    for (const GrantEntry& entry : entries) {
        const bool is_sent =
            entry.names_frame() && entry.frame->number() <= bounds.max_pfn.number();
        table.entries.push_back(
            with_frame(entry, is_sent ? std::optional{Pfn{entry.frame->number()}} : std::nullopt));
    }
    require(decode_grant_table_entries(encode_grant_table_entries(table), bounds.max_pfn) == table,
            "a guest's table cannot be sent");
}

struct Decoder {
    const char* seed;  ///< golden file
    bool is_record;    ///< in which the body stands behind a head
    void (*decode)(Input, Bounds);
};

constexpr Decoder decoders[] = {
    {"image_header.hex", false, image_header},
    {"domain_header_pv.hex", false, domain_header},
    {"page_data_types.hex", true, page_data},
    {"x86_pv_info.hex", true, pv_info},
    {"x86_pv_p2m_frames_middle.hex", true, p2m_frames},
    {"checkpoint_dirty_pfn_list.hex", true, dirty_pfns},
    {"x86_tsc_info.hex", true, tsc_info},
    {"hvm_params.hex", true, hvm_params},
    {"x86_cpuid_policy.hex", true, cpuid_policy},
    {"x86_msr_policy.hex", true, msr_policy},
    {"x86_pv_vcpu_msrs.hex", true, vcpu_msrs},
    {"sr_grant_table_info.hex", true, grant_table_info},
    {"sr_grant_table_entries.hex", true, grant_table_entries},
    {"sr_grant_table_entries_v1.hex", true, grant_table_entries},
    {"sr_grant_table_entries.hex", true, grant_frame},
};

void run(Input input)
{
    Choices choices{input};
    const Decoder& decoder = decoders[choices.octet() % std::size(decoders)];
    const Bounds bounds = bounds_of(choices.octet());
    const Octets body = choices.rest();
    (void)survives([&] { decoder.decode(body, bounds); });
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made = findings_of("decode");
    for (std::size_t i = 0; i < std::size(decoders); ++i) {
        const std::string name = decoders[i].seed;
        const Octets body = decoders[i].is_record ? test::golden_body(name) : test::golden(name);
        for (const unsigned bounds : {0U, 3U, 6U}) {
            made.push_back({name + "." + std::to_string(bounds),
                            prefixed({static_cast<unsigned>(i), bounds}, body)});
        }
    }
    return made;
}

}  // namespace

const Target decode_target = {"decode", run, seeds};

}  // namespace sr::fuzz
