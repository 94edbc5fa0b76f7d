// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing what is not memory, field by field.
#include "tools/xsr/diff_guests.hpp"
#include "tools/xsr/guest_fields.hpp"
#include "tools/xsr/hvm_param_name.hpp"
#include "tools/xsr/units.hpp"

#include <algorithm>

namespace sr {
namespace {

using Differences = std::vector<FieldDifference>;
using OctetSpan = std::span<const std::byte>;

constexpr const char* other_xen = "written on another Xen";
constexpr const char* online = "a restore brings every vCPU online";
constexpr const char* selector_ring =
    "Xen raises a callback's code selector to the ring of its guests' kernels";
constexpr const char* time_went_on = "the guest's time went on";

/// A keyed list of values, as MSRs, CPUID leaves and HVM parameters are.
using Values = std::map<std::string, std::string>;

void add_if_different(Differences& found, const std::string& place, const std::string& name,
                      const std::string& a, const std::string& b, const char* reason = "")
{
    if (a != b) {
        found.push_back({place, name, a, b, reason});
    }
}

void compare_values(Differences& found, const std::string& place, const Values& a, const Values& b)
{
    for (const auto& [name, value] : a) {
        const auto other = b.find(name);
        add_if_different(found, place, name, value, other == b.end() ? "" : other->second);
    }
    for (const auto& [name, value] : b) {
        if (!a.contains(name)) {
            found.push_back({place, name, "", value, ""});
        }
    }
}

/// Two structures by the names of their fields; octets without a name by offset.
class StructComparison {
public:
    StructComparison(Differences& found, std::string place, OctetSpan a, OctetSpan b)
        : found_{found}, place_{std::move(place)}, a_{a}, b_{b},
          named_(std::max(a.size(), b.size()))
    {
    }

    void run(std::span<const GuestField> fields)
    {
        add_if_different(found_, place_, "length", std::to_string(a_.size()),
                         std::to_string(b_.size()));
        if (a_.empty() || b_.empty()) {
            return;
        }
        for (const GuestField& field : fields) {
            for (unsigned index = 0; index < field.count; ++index) {
                compare(field, index);
            }
        }
        compare_unnamed();
    }

private:
    void compare(const GuestField& field, unsigned index)
    {
        const std::size_t at = field.offset + std::size_t{index} * field.stride;
        for (std::size_t i = at; i < std::min(at + field.size, named_.size()); ++i) {
            named_[i] = true;
        }
        const std::uint64_t a = value_of(field, index, a_);
        const std::uint64_t b = value_of(field, index, b_);
        if (a != b) {
            found_.push_back(
                {place_, name_of(field, index), format_hex(a), format_hex(b), reason(field, a, b)});
        }
    }

    [[nodiscard]] std::string reason(const GuestField& field, std::uint64_t a,
                                     std::uint64_t b) const
    {
        if (std::string_view{field.name} == "flags" && (a ^ b) == vcpu_flag_online &&
            (b & vcpu_flag_online) != 0) {
            return online;
        }
        // Ring 3 for those of 64-bit guests and for system calls, ring 1 for the others of 32-bit ones.
        if (std::string_view{field.name}.ends_with("_callback_cs") &&
            (b == (a | 3U) || b == (a | 1U))) {
            return selector_ring;
        }
        return field.changed_by_restore != nullptr ? field.changed_by_restore : "";
    }

    [[nodiscard]] bool differs_unnamed(std::size_t at) const
    {
        return at < std::min(a_.size(), b_.size()) && !named_[at] && a_[at] != b_[at];
    }

    void compare_unnamed()
    {
        for (std::size_t at = 0; at < named_.size(); ++at) {
            const std::size_t first = at;
            while (differs_unnamed(at)) {
                ++at;
            }
            if (at > first) {
                found_.push_back(
                    {place_, format("octets %#zx..%#zx", first, at - 1), "…", "other", ""});
            }
        }
    }

    Differences& found_;
    std::string place_;
    OctetSpan a_;
    OctetSpan b_;
    std::vector<bool> named_;
};

Values msr_values(OctetSpan blob)
{
    Values values;
    for (const VcpuMsr& msr : decode_vcpu_msrs(blob)) {
        values["MSR " + format_hex(msr.index)] = format_hex(msr.value);
    }
    return values;
}

void compare_vcpu(Differences& found, const GuestImage& a, const GuestImage& b, std::uint32_t id)
{
    const auto compare = [&](RecordType type, const char* name,
                             std::span<const GuestField> fields) {
        StructComparison{found, format("vCPU %u %s", id, name), a.vcpu(id, type), b.vcpu(id, type)}
            .run(fields);
    };
    if (!b.vcpu_ids().contains(id) || !a.vcpu_ids().contains(id)) {
        found.push_back({format("vCPU %u", id), "present", a.vcpu_ids().contains(id) ? "yes" : "no",
                         b.vcpu_ids().contains(id) ? "yes" : "no", ""});
        return;
    }
    compare(RecordType::x86_pv_vcpu_basic, "BASIC", vcpu_basic_fields(a.width()));
    compare(RecordType::x86_pv_vcpu_extended, "EXTENDED", vcpu_extended_fields());
    compare(RecordType::x86_pv_vcpu_xsave, "XSAVE", vcpu_xsave_fields());
    compare_values(found, format("vCPU %u MSRS", id),
                   msr_values(a.vcpu(id, RecordType::x86_pv_vcpu_msrs)),
                   msr_values(b.vcpu(id, RecordType::x86_pv_vcpu_msrs)));
}

void compare_headers(Differences& found, const GuestImage& a, const GuestImage& b)
{
    const auto xen = [](const GuestImage& guest) {
        return format("%u.%u", guest.domain_header().xen_major, guest.domain_header().xen_minor);
    };
    add_if_different(found, "image header", "version", std::to_string(a.version()),
                     std::to_string(b.version()));
    add_if_different(found, "domain header", "type", to_string(a.domain_header().type),
                     to_string(b.domain_header().type));
    add_if_different(found, "domain header", "Xen version", xen(a), xen(b), other_xen);
    if (a.is_pv() && b.is_pv()) {
        add_if_different(found, "X86_PV_INFO", "guest width",
                         std::to_string(octets_of_word(a.width()) * 8),
                         std::to_string(octets_of_word(b.width()) * 8));
    }
}

void compare_p2m(Differences& found, const GuestImage& a, const GuestImage& b)
{
    const auto range = [](const GuestImage& guest) {
        return format_hex(guest.p2m_range().first) + ".." + format_hex(guest.p2m_range().second);
    };
    add_if_different(found, "X86_PV_P2M_FRAMES", "range", range(a), range(b));
    const auto list = [](const GuestImage& guest) {
        PfnRanges ranges;
        for (const std::uint64_t pfn : guest.p2m_frames()) {
            ranges.add(pfn);
        }
        return ranges.text(8);
    };
    if (a.p2m_frames() != b.p2m_frames()) {
        found.push_back({"X86_PV_P2M_FRAMES", "frames", list(a), list(b), ""});
    }
}

void compare_tsc(Differences& found, const GuestImage& a, const GuestImage& b)
{
    const auto bodies =
        std::pair{a.record(RecordType::x86_tsc_info), b.record(RecordType::x86_tsc_info)};
    if (bodies.first.empty() || bodies.second.empty()) {
        return;
    }
    const TscInfo in_a = decode_tsc_info(bodies.first);
    const TscInfo in_b = decode_tsc_info(bodies.second);
    const char* place = "X86_TSC_INFO";
    add_if_different(found, place, "mode", std::to_string(in_a.mode), std::to_string(in_b.mode));
    add_if_different(found, place, "khz", std::to_string(in_a.khz), std::to_string(in_b.khz));
    add_if_different(found, place, "nsec", std::to_string(in_a.nsec), std::to_string(in_b.nsec),
                     time_went_on);
    add_if_different(found, place, "incarnation", std::to_string(in_a.incarnation),
                     std::to_string(in_b.incarnation), time_went_on);
}

Values cpuid_values(OctetSpan body)
{
    Values values;
    if (body.empty()) {
        return values;
    }
    for (const CpuidLeaf& leaf : decode_cpuid_policy(body)) {
        const std::string subleaf = leaf.subleaf == ~0U ? "" : "." + format_hex(leaf.subleaf);
        values["leaf " + format_hex(leaf.leaf) + subleaf] =
            format("%08x %08x %08x %08x", leaf.a, leaf.b, leaf.c, leaf.d);
    }
    return values;
}

Values msr_policy_values(OctetSpan body)
{
    Values values;
    if (body.empty()) {
        return values;
    }
    for (const MsrEntry& entry : decode_msr_policy(body)) {
        values["MSR " + format_hex(entry.index)] = format_hex(entry.value);
    }
    return values;
}

Values hvm_param_values(OctetSpan body)
{
    Values values;
    if (body.empty()) {
        return values;
    }
    for (const HvmParam& param : decode_hvm_params(body)) {
        values["parameter " + hvm_param_name(param.index)] = format_hex(param.value);
    }
    return values;
}

void compare_records(Differences& found, const GuestImage& a, const GuestImage& b)
{
    const auto both = [&](RecordType type, Values (*values)(OctetSpan)) {
        compare_values(found, name_of(type), values(a.record(type)), values(b.record(type)));
    };
    both(RecordType::x86_cpuid_policy, &cpuid_values);
    both(RecordType::x86_msr_policy, &msr_policy_values);
    both(RecordType::hvm_params, &hvm_param_values);
    StructComparison{found, "HVM_CONTEXT", a.record(RecordType::hvm_context),
                     b.record(RecordType::hvm_context)}
        .run({});
    compare_tsc(found, a, b);
}

void compare_guest_structures(Differences& found, const GuestImage& a, const GuestImage& b)
{
    std::set<std::uint32_t> vcpus = a.vcpu_ids();
    vcpus.insert(b.vcpu_ids().begin(), b.vcpu_ids().end());
    for (const std::uint32_t id : vcpus) {
        compare_vcpu(found, a, b, id);
    }
    StructComparison{found, "SHARED_INFO", a.record(RecordType::shared_info),
                     b.record(RecordType::shared_info)}
        .run(shared_info_fields(a.width()));
}

}  // namespace

std::vector<FieldDifference> compare_state(const GuestImage& a, const GuestImage& b)
{
    Differences found;
    compare_headers(found, a, b);
    compare_p2m(found, a, b);
    if (a.width() == b.width()) {  // else no field stands where the other's does
        compare_guest_structures(found, a, b);
    }
    compare_records(found, a, b);
    compare_grants(a, b, found);
    return found;
}

}  // namespace sr
