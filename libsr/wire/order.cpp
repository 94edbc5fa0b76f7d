// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of records: one table of what each type needs before it and cannot stand after.
#include "libsr/wire/order.hpp"

#include <array>
#include <bit>
#include <cinttypes>

namespace sr {
namespace {

using Set = std::uint32_t;
static_assert(nr_known_types <= 32);

constexpr Set set_of() noexcept
{
    return 0;
}

template <typename... Types>
constexpr Set set_of(RecordType first, Types... others) noexcept
{
    return Set{1} << index_of(first) | set_of(others...);
}

enum class Domains : std::uint8_t { any, pv, hvm };

struct Rule {
    Domains domains = Domains::any;
    Set needs_pv = 0;     ///< refused unless all of these came before
    Set needs_hvm = 0;    ///< the same for an HVM guest
    Set never_after = 0;  ///< refused if any of these came before
    Set odd_after = 0;    ///< deviation if any of these came before
    const char* why_odd = nullptr;
};

using enum RecordType;

constexpr Set vcpu_records =
    set_of(x86_pv_vcpu_basic, x86_pv_vcpu_extended, x86_pv_vcpu_xsave, x86_pv_vcpu_msrs);

/// What comes once for each checkpoint.
constexpr Set per_checkpoint =
    vcpu_records | set_of(shared_info, x86_tsc_info, hvm_context, hvm_params, verify);

/// What makes a guest whole, at END and at CHECKPOINT.
constexpr Set whole_pv = set_of(static_data_end, x86_pv_info, x86_pv_p2m_frames, page_data,
                                shared_info, x86_pv_vcpu_basic);
constexpr Set whole_hvm = set_of(static_data_end, page_data, hvm_context);

constexpr Rule vcpu_rule{Domains::pv, set_of(x86_pv_info, x86_pv_p2m_frames, page_data)};
constexpr Rule policy_rule{Domains::any,
                           0,
                           0,
                           0,
                           set_of(static_data_end),
                           "comes after the static data, so it is never applied"};
constexpr const char* why_once = "comes a second time";

constexpr Rule rule_of(RecordType type) noexcept
{
    switch (type) {
    case end:
    case checkpoint:
        return {Domains::any, whole_pv, whole_hvm};
    case page_data:
        return {Domains::any, set_of(static_data_end, x86_pv_p2m_frames), set_of(static_data_end),
                vcpu_records | set_of(grant_table_entries)};
    case x86_pv_info:
        return {Domains::pv,
                0,
                0,
                set_of(x86_pv_info),
                set_of(static_data_end),
                "comes after the end of the static data, which it is"};
    case x86_pv_p2m_frames:
        // Again between pages: the p2m of a guest that runs may grow, and have its frames replaced.
        return {Domains::pv, set_of(static_data_end, x86_pv_info), 0, vcpu_records};
    case x86_pv_vcpu_basic:
    case x86_pv_vcpu_extended:
    case x86_pv_vcpu_xsave:
    case x86_pv_vcpu_msrs:
        return vcpu_rule;
    case shared_info:
        return {Domains::pv, set_of(static_data_end, x86_pv_info), 0, 0, set_of(shared_info),
                why_once};
    case x86_tsc_info:
        return {Domains::any, 0, 0, 0, set_of(x86_tsc_info), why_once};
    case hvm_context:
        return {Domains::hvm, 0, set_of(static_data_end), 0, set_of(hvm_context), why_once};
    case hvm_params:
        return {Domains::hvm,
                0,
                set_of(static_data_end),
                0,
                set_of(hvm_context),
                "comes after HVM_CONTEXT, which it must precede"};
    case verify:
        return {Domains::any, set_of(page_data), set_of(page_data), 0, set_of(verify), why_once};
    case static_data_end:
        return {Domains::any, 0, 0, set_of(static_data_end)};
    case x86_cpuid_policy:
    case x86_msr_policy:
        return policy_rule;
    case grant_table_info:
        // A guest that this host cannot run is refused before anything of it is applied.
        return {Domains::any, 0, 0, set_of(grant_table_info, static_data_end)};
    case grant_table_entries: {
        constexpr Set needs = set_of(grant_table_info, static_data_end, page_data);
        return {Domains::any, needs, needs, set_of(grant_table_entries)};
    }
    case toolstack:
    case checkpoint_dirty_pfn_list:
        return {};  // refused before rules are asked
    }
    return {};
}

/// The lowest type in a set that is not empty.
RecordType first_of(Set types) noexcept
{
    return record_type_at(static_cast<std::uint32_t>(std::countr_zero(types)));
}

[[noreturn]] void refuse_unknown(std::uint32_t type)
{
    if (is_extension(type)) {
        throw Error{
            Errc::unsupported,
            "mandatory extension %#010" PRIx32 " of libsr, which this version does not know", type};
    }
    throw Error{Errc::unsupported, "mandatory record of unknown type %#010" PRIx32, type};
}

}  // namespace

OrderStep RecordOrder::accept(std::uint32_t value)
{
    if (finished()) {
        throw Error{Errc::malformed, "comes after END, the last record"};
    }
    const auto type = record_type_from_wire(value);
    if (!type) {
        if (is_optional(value)) {
            return {};
        }
        refuse_unknown(value);
    }
    refuse_out_of_place(*type);
    OrderStep step;
    step.ends_static_data = infers_static_data_end(*type);
    refuse_missing(*type, seen_ | (step.ends_static_data ? set_of(static_data_end) : 0));
    step.deviation = deviation_of(*type);
    if (step.ends_static_data) {
        note(static_data_end);
    }
    note(*type);
    return step;
}

void RecordOrder::assume(std::uint32_t value) noexcept
{
    if (const auto type = record_type_from_wire(value)) {
        seen_ |= needs_of(*type);
        note(*type);
    }
}

bool RecordOrder::finished() const noexcept
{
    return has_seen(end);
}

bool RecordOrder::has_seen(RecordType type) const noexcept
{
    return (seen_ & set_of(type)) != 0;
}

bool RecordOrder::within_checkpoint() const noexcept
{
    return (since_checkpoint_ & ~set_of(end)) != 0;
}

bool RecordOrder::infers_static_data_end(RecordType type) const noexcept
{
    const RecordType first_content = domain_ == DomainType::x86_pv ? x86_pv_p2m_frames : page_data;
    return version_ < 3 && type == first_content && !has_seen(static_data_end);
}

RecordOrder::Set RecordOrder::needs_of(RecordType type) const noexcept
{
    const Rule rule = rule_of(type);
    const Set needs = domain_ == DomainType::x86_pv ? rule.needs_pv : rule.needs_hvm;
    // Version 2 has no STATIC_DATA_END to wait for, except where accept() infers it.
    return version_ < 3 ? needs & ~set_of(static_data_end) : needs;
}

void RecordOrder::refuse_out_of_place(RecordType type) const
{
    if (type == toolstack) {
        throw Error{Errc::unsupported, "a deprecated record that nothing can restore"};
    }
    if (type == checkpoint_dirty_pfn_list) {
        throw Error{Errc::malformed, "belongs into the back channel of a checkpointed stream"};
    }
    if (type == checkpoint && kind_ == StreamKind::plain) {
        throw Error{Errc::malformed, "comes in a stream that is not checkpointed"};
    }
    if (is_extension(to_wire(type)) && kind_ == StreamKind::checkpointed) {
        throw Error{Errc::malformed, "does not belong into a checkpointed stream"};
    }
    const Rule rule = rule_of(type);
    const bool is_pv = domain_ == DomainType::x86_pv;
    if (rule.domains == (is_pv ? Domains::hvm : Domains::pv)) {
        throw Error{Errc::malformed, "does not belong to an %s guest", to_string(domain_)};
    }
    if (const Set wrong = seen_ & rule.never_after; wrong != 0) {
        if (first_of(wrong) == type) {
            throw Error{Errc::malformed, "%s", why_once};
        }
        throw Error{Errc::malformed, "comes after %s, which needs it before",
                    name_of(first_of(wrong))};
    }
}

void RecordOrder::refuse_missing(RecordType type, Set seen) const
{
    if (type == end && has_seen(checkpoint) && since_checkpoint_ == 0) {
        return;  // the checkpoint was whole
    }
    if (const Set missing = needs_of(type) & ~seen; missing != 0) {
        throw Error{Errc::malformed, "comes without %s before it", name_of(first_of(missing))};
    }
}

const char* RecordOrder::deviation_of(RecordType type) const noexcept
{
    const Rule rule = rule_of(type);
    const bool is_policy = type == x86_cpuid_policy || type == x86_msr_policy;
    if (version_ < 3 && (is_policy || type == static_data_end)) {
        return "belongs to version 3, and the stream is version 2";
    }
    if ((seen_ & rule.odd_after) != 0) {
        return rule.why_odd;
    }
    if ((is_policy || type == hvm_params) && has_seen(type)) {
        return why_once;
    }
    if (type == x86_tsc_info && version_ >= 3 && !has_seen(static_data_end)) {
        return "comes before STATIC_DATA_END";
    }
    return nullptr;
}

void RecordOrder::note(RecordType type) noexcept
{
    if (type == checkpoint) {
        seen_ &= ~per_checkpoint;
        since_checkpoint_ = 0;
    } else {
        since_checkpoint_ |= set_of(type);
    }
    seen_ |= set_of(type);
}

}  // namespace sr
