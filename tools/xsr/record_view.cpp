// SPDX-License-Identifier: LGPL-2.1-or-later
// Records of a libxc stream for people and programs.
#include "tools/xsr/record_view.hpp"

#include "libsr/mem/guest_abi.hpp"
#include "libsr/wire/limits.hpp"
#include "tools/xsr/field_view.hpp"
#include "tools/xsr/grant_view.hpp"
#include "tools/xsr/guest_fields.hpp"
#include "tools/xsr/hvm_param_name.hpp"
#include "tools/xsr/page_view.hpp"
#include "tools/xsr/pfn_ranges.hpp"
#include "tools/xsr/units.hpp"

#include <algorithm>
#include <cinttypes>
#include <map>

namespace sr {
namespace {

using Body = std::span<const std::byte>;

VcpuBlob vcpu_of(RecordType type, Body body, const RecordContext& context)
{
    return decode_vcpu(type, body, context.width, limits::vcpus_max);
}

std::uint64_t named_value(std::span<const GuestField> fields, std::string_view name, Body octets)
{
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const GuestField& field) { return field.name == name; });
    return found == fields.end() ? 0 : value_of(*found, 0, octets);
}

std::string vcpu_basic_summary(Body blob, GuestWidth width)
{
    const auto fields = vcpu_basic_fields(width);
    const bool is_64 = width == GuestWidth::bits64;
    const auto hex = [&](const char* name) { return format_hex(named_value(fields, name, blob)); };
    const auto flags = named_value(fields, "flags", blob);
    // A 32-bit guest's cr3 is a rotated frame number: nobody reads that.
    const auto tables = guest_abi(width).frame_of_cr3(named_value(fields, "cr3", blob));
    return format("%s %s, %s %s, cr3 %s (pfn %s), %s", is_64 ? "rip" : "eip",
                  hex(is_64 ? "rip" : "eip").c_str(), is_64 ? "rsp" : "esp",
                  hex(is_64 ? "rsp" : "esp").c_str(), hex("cr3").c_str(),
                  tables ? format_hex(*tables).c_str() : "none",
                  (flags & vcpu_flag_online) != 0 ? "online" : "offline");
}

std::string vcpu_summary(RecordType type, Body body, const RecordContext& context)
{
    const VcpuBlob vcpu = vcpu_of(type, body, context);
    const std::string head = format("vCPU %u: ", vcpu.vcpu_id);
    if (vcpu.blob.empty()) {
        return head + "no content";
    }
    if (type == RecordType::x86_pv_vcpu_basic) {
        return head + vcpu_basic_summary(vcpu.blob, context.width);
    }
    if (type == RecordType::x86_pv_vcpu_msrs) {
        return head + format_count(decode_vcpu_msrs(vcpu.blob).size(), "MSR");
    }
    if (type == RecordType::x86_pv_vcpu_xsave) {
        return head + "xcr0 " + format_hex(named_value(vcpu_xsave_fields(), "xcr0", vcpu.blob)) +
               ", " + format_octets(vcpu.blob.size());
    }
    return head + "callbacks and machine-check state";
}

std::string vcpu_details(RecordType type, Body body, const RecordContext& context)
{
    const VcpuBlob vcpu = vcpu_of(type, body, context);
    if (type == RecordType::x86_pv_vcpu_basic) {
        return fields_text(vcpu_basic_fields(context.width), vcpu.blob);
    }
    if (type == RecordType::x86_pv_vcpu_extended) {
        return fields_text(vcpu_extended_fields(), vcpu.blob);
    }
    if (type == RecordType::x86_pv_vcpu_xsave) {
        return fields_text(vcpu_xsave_fields(), vcpu.blob);
    }
    std::string text;
    for (const VcpuMsr& msr : decode_vcpu_msrs(vcpu.blob)) {
        text += format("    MSR %#010x  %#" PRIx64 "\n", msr.index, msr.value);
    }
    return text;
}

Json vcpu_json(RecordType type, Body body, const RecordContext& context)
{
    const VcpuBlob vcpu = vcpu_of(type, body, context);
    Json members = {{"vcpu", vcpu.vcpu_id}};
    if (type == RecordType::x86_pv_vcpu_basic) {
        members["fields"] = fields_json(vcpu_basic_fields(context.width), vcpu.blob);
    } else if (type == RecordType::x86_pv_vcpu_extended) {
        members["fields"] = fields_json(vcpu_extended_fields(), vcpu.blob);
    } else if (type == RecordType::x86_pv_vcpu_xsave) {
        members["fields"] = fields_json(vcpu_xsave_fields(), vcpu.blob);
        members["octets"] = hex_string(vcpu.blob);
    } else {
        for (const VcpuMsr& msr : decode_vcpu_msrs(vcpu.blob)) {
            members["msrs"][format_hex(msr.index)] = format_hex(msr.value);
        }
    }
    return members;
}

std::string p2m_summary(Body body, GuestWidth width)
{
    const P2mFrames frames = decode_p2m_frames(body, width);
    return "entries of pfns " + format_hex(frames.first().number()) + ".." +
           format_hex(frames.last().number()) + ", in " + format_count(frames.nr_frames(), "frame");
}

std::vector<std::uint64_t> p2m_list(Body body, GuestWidth width)
{
    const P2mFrames frames = decode_p2m_frames(body, width);
    std::vector<std::uint64_t> list;
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        list.push_back(frames.frame(i).number());
    }
    return list;
}

std::string p2m_details(Body body, GuestWidth width)
{
    PfnRanges ranges;
    for (const std::uint64_t pfn : p2m_list(body, width)) {
        ranges.add(pfn);
    }
    return "    p2m frames in order: pfn " + ranges.text(64) + "\n";
}

std::string tsc_summary(Body body)
{
    static constexpr const char* modes[] = {"default", "always emulated", "never emulated",
                                            "PVRDTSCP"};
    static_assert(std::size(modes) == limits::tsc_mode_max + 1);
    const TscInfo tsc = decode_tsc_info(body);
    return format("mode %s, %u kHz, %" PRIu64 " ns, incarnation %u", modes[tsc.mode], tsc.khz,
                  tsc.nsec, tsc.incarnation);
}

std::string shared_info_summary(Body body, GuestWidth width)
{
    const auto fields = shared_info_fields(width);
    const Body page = decode_shared_info(body);
    const auto value = [&](const char* name) { return named_value(fields, name, page); };
    return format_count(value("arch.max_pfn"), "pfn") +
           (value("arch.p2m_cr3") != 0
                ? ", linear p2m at " + format_hex(value("arch.p2m_vaddr"))
                : ", p2m tree at mfn " + format_hex(value("arch.pfn_to_mfn_frame_list_list")));
}

std::string policy_details(RecordType type, Body body)
{
    std::string text;
    if (type == RecordType::x86_msr_policy) {
        for (const MsrEntry& entry : decode_msr_policy(body)) {
            text += format("    MSR %#010x  %#" PRIx64 "\n", entry.index, entry.value);
        }
        return text;
    }
    text = "    leaf       subleaf    eax      ebx      ecx      edx\n";
    for (const CpuidLeaf& leaf : decode_cpuid_policy(body)) {
        const std::string subleaf = leaf.subleaf == ~0U ? "-" : format_hex(leaf.subleaf);
        text += format("    %08x   %-8s   %08x %08x %08x %08x\n", leaf.leaf, subleaf.c_str(),
                       leaf.a, leaf.b, leaf.c, leaf.d);
    }
    return text;
}

Json policy_json(RecordType type, Body body)
{
    Json members = Json::object();
    if (type == RecordType::x86_msr_policy) {
        for (const MsrEntry& entry : decode_msr_policy(body)) {
            members["msrs"][format_hex(entry.index)] = format_hex(entry.value);
        }
        return members;
    }
    for (const CpuidLeaf& leaf : decode_cpuid_policy(body)) {
        members["leaves"].push_back({{"leaf", leaf.leaf},
                                     {"subleaf", leaf.subleaf},
                                     {"eax", leaf.a},
                                     {"ebx", leaf.b},
                                     {"ecx", leaf.c},
                                     {"edx", leaf.d}});
    }
    return members;
}

std::string hvm_params_details(Body body)
{
    std::string text;
    for (const HvmParam& param : decode_hvm_params(body)) {
        text +=
            format("    %-24s  %#" PRIx64 "\n", hvm_param_name(param.index).c_str(), param.value);
    }
    return text;
}

/// Pages by type; the map's order is the stream's.
std::map<PageType, PfnRanges> by_type(std::span<const PageEntry> entries)
{
    std::map<PageType, PfnRanges> types;
    for (const PageEntry& entry : entries) {
        types[entry.type].add(entry.pfn.number());
    }
    return types;
}

}  // namespace

std::string record_summary(RecordType type, Body body, const RecordContext& context)
{
    switch (type) {
    case RecordType::x86_pv_info: {
        const GuestWidth width = decode_pv_info(body);
        return format("%zu-bit guest, %u levels of page tables", octets_of_word(width) * 8,
                      levels_of(width));
    }
    case RecordType::x86_pv_p2m_frames:
        return p2m_summary(body, context.width);
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        return vcpu_summary(type, body, context);
    case RecordType::shared_info:
        return shared_info_summary(body, context.width);
    case RecordType::x86_tsc_info:
        return tsc_summary(body);
    case RecordType::hvm_params:
        return format_count(decode_hvm_params(body).size(), "parameter");
    case RecordType::x86_cpuid_policy:
        return format_count(decode_cpuid_policy(body).size()) + " CPUID leaves";
    case RecordType::x86_msr_policy:
        return format_count(decode_msr_policy(body).size(), "MSR");
    case RecordType::checkpoint_dirty_pfn_list:
        return format_count(body.size() / sizeof(PfnLayout), "pfn");
    case RecordType::grant_table_info:
        return size_text(size_of(decode_grant_table_info(body)));
    case RecordType::hvm_context:
    case RecordType::toolstack:
        return format_octets(body.size());
    case RecordType::end:
    case RecordType::page_data:
    case RecordType::grant_table_entries:
    case RecordType::verify:
    case RecordType::checkpoint:
    case RecordType::static_data_end:
        return "";
    }
    return "";
}

std::string record_details(RecordType type, Body body, const RecordContext& context)
{
    switch (type) {
    case RecordType::x86_pv_p2m_frames:
        return p2m_details(body, context.width);
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        return vcpu_details(type, body, context);
    case RecordType::shared_info:
        return fields_text(shared_info_fields(context.width), decode_shared_info(body));
    case RecordType::hvm_params:
        return hvm_params_details(body);
    case RecordType::x86_cpuid_policy:
    case RecordType::x86_msr_policy:
        return policy_details(type, body);
    case RecordType::hvm_context:
    case RecordType::toolstack:
        return hex_dump(body);
    default:
        return "";
    }
}

Json record_json(RecordType type, Body body, const RecordContext& context)
{
    switch (type) {
    case RecordType::x86_pv_info:
        return {{"guest-width-bits", octets_of_word(decode_pv_info(body)) * 8}};
    case RecordType::x86_pv_p2m_frames: {
        const P2mFrames frames = decode_p2m_frames(body, context.width);
        return {{"first-pfn", frames.first().number()},
                {"last-pfn", frames.last().number()},
                {"frames", p2m_list(body, context.width)}};
    }
    case RecordType::x86_pv_vcpu_basic:
    case RecordType::x86_pv_vcpu_extended:
    case RecordType::x86_pv_vcpu_xsave:
    case RecordType::x86_pv_vcpu_msrs:
        return vcpu_json(type, body, context);
    case RecordType::shared_info:
        return {
            {"fields", fields_json(shared_info_fields(context.width), decode_shared_info(body))}};
    case RecordType::x86_tsc_info: {
        const TscInfo tsc = decode_tsc_info(body);
        return {{"mode", tsc.mode},
                {"khz", tsc.khz},
                {"nsec", tsc.nsec},
                {"incarnation", tsc.incarnation}};
    }
    case RecordType::hvm_params: {
        Json params = Json::object();
        for (const HvmParam& param : decode_hvm_params(body)) {
            params[std::to_string(param.index)] = format_hex(param.value);
        }
        return {{"params", std::move(params)}};
    }
    case RecordType::x86_cpuid_policy:
    case RecordType::x86_msr_policy:
        return policy_json(type, body);
    case RecordType::grant_table_info:
        return size_json(size_of(decode_grant_table_info(body)));
    case RecordType::hvm_context:
        return {{"octets", hex_string(body)}};
    default:
        return Json::object();
    }
}

std::string pages_summary(std::span<const PageEntry> entries)
{
    const auto [low, high] =
        std::minmax_element(entries.begin(), entries.end(),
                            [](const PageEntry& a, const PageEntry& b) { return a.pfn < b.pfn; });
    std::string text = format_count(entries.size(), "pfn") + ' ' + format_hex(low->pfn.number());
    if (low->pfn != high->pfn) {
        text += ".." + format_hex(high->pfn.number());
    }
    const char* separator = ": ";
    for (const auto& [type, pfns] : by_type(entries)) {
        text += separator + format_count(pfns.count()) + ' ' + to_string(type);
        separator = ", ";
    }
    return text;
}

std::string pages_details(std::span<const PageEntry> entries)
{
    std::string text;
    for (const auto& [type, pfns] : by_type(entries)) {
        text += format("    %-12s %s\n", to_string(type), pfns.text(64).c_str());
    }
    return text;
}

Json pages_json(std::span<const PageEntry> entries)
{
    Json types = Json::object();
    for (const auto& [type, pfns] : by_type(entries)) {
        types[to_string(type)] = pfns.json();
    }
    return {{"pfns", entries.size()}, {"types", std::move(types)}};
}

}  // namespace sr
