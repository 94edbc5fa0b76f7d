// SPDX-License-Identifier: LGPL-2.1-or-later
// xsr info's page.
#include "tools/xsr/facts.hpp"

#include "tools/toolstack/domain_config.hpp"
#include "tools/xsr/grant_view.hpp"
#include "tools/xsr/judgement.hpp"
#include "tools/xsr/units.hpp"

#include <algorithm>
#include <cinttypes>
#include <optional>

namespace sr {
namespace {

/// Lines "  Label         fact", with further facts below the first.
class FactSheet {
public:
    void add(const char* label, const std::string& fact)
    {
        if (!fact.empty()) {
            text_ += format("  %-12s  %s\n", label, fact.c_str());
        }
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// The configuration in an xl file, if it can be read.
std::optional<DomainConfig> config_of(const StreamSummary& summary)
{
    if (!summary.xl || !summary.xl->config_is_json) {
        return std::nullopt;
    }
    try {
        return parse_domain_config(summary.xl->config);
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// Why the file names no domain, if it has a configuration and should.
std::string unreadable_config(const StreamSummary& summary)
{
    if (!summary.xl || !summary.xl->config_is_json) {
        return "";
    }
    try {
        return parse_domain_config(summary.xl->config).name;
    } catch (const Error& error) {
        return std::string{"unknown: "} + error.what();
    }
}

std::uint64_t pages_where(const PageFacts& pages, bool (*is_wanted)(PageType))
{
    std::uint64_t count = 0;
    for (const PageType type : all_page_types) {
        count += is_wanted(type) ? pages.by_type.at(to_wire(type)) : 0;
    }
    return count;
}

std::string container_fact(const StreamSummary& summary)
{
    std::string text = to_string(summary.container);
    if (summary.image) {
        const bool is_bare = summary.container == ContainerKind::libxc;
        text +=
            format(is_bare ? " version %u" : ", libxc stream version %u", summary.image->version);
    }
    if (summary.checkpoints != 0) {
        text += ", " + format_count(summary.checkpoints, "checkpoint");
    }
    return text + (summary.converted_from_legacy ? ", converted from a legacy image" : "");
}

std::string kind_fact(const StreamSummary& summary, const std::optional<DomainConfig>& config)
{
    if (!summary.domain) {
        return "";
    }
    if (summary.domain->type == DomainType::x86_hvm) {
        const bool is_pvh = config && config->type == GuestKind::pvh;
        return is_pvh ? "PVH, x86" : config ? "HVM, x86" : "HVM or PVH, x86";
    }
    const std::string width =
        summary.width ? format(", %zu-bit", octets_of_word(*summary.width) * 8) : "";
    return "PV, x86" + width;
}

std::string origin_fact(const StreamSummary& summary)
{
    if (!summary.domain) {
        return "";
    }
    if (summary.domain->xen_major == 0) {
        return format("a Xen before 4.6 (converted by version %u of the converter)",
                      summary.domain->xen_minor);
    }
    return format("Xen %u.%u", summary.domain->xen_major, summary.domain->xen_minor);
}

std::string size_fact(const DomainConfig& config)
{
    const std::string target = format_octets(config.target_memory_kib * 1024);
    const std::string most = format_octets(config.max_memory_kib * 1024);
    return target == most ? target : target + ", at most " + most;
}

std::string memory_fact(const PageFacts& pages)
{
    if (pages.entries == 0) {
        return "";
    }
    const auto present = pages_where(pages, [](PageType type) { return needs_frame(type); });
    std::string text = format_count(present, "page") + ", " + format_octets(present * page_size);
    if (pages.highest) {
        text += ", pfns up to " + format_hex(pages.highest->number());
    }
    return text;
}

std::string tables_fact(const PageFacts& pages)
{
    const auto tables = pages_where(pages, &is_table);
    if (tables == 0) {
        return "";
    }
    std::string levels;
    for (unsigned level = 4; level > 0; --level) {
        const std::uint64_t unpinned = pages.by_type.at(level);
        const std::uint64_t all = unpinned + pages.by_type.at(level + 8);
        if (all != 0) {
            levels += (levels.empty() ? "" : ", ") + format_count(all) + format(" L%u", level);
        }
    }
    return format_count(tables) + ": " + levels + "; " +
           format_count(pages_where(pages, &is_pinned)) + " pinned";
}

std::string holes_fact(const PageFacts& pages)
{
    const auto holes = pages.by_type.at(to_wire(PageType::xtab));
    const auto broken = pages.by_type.at(to_wire(PageType::broken));
    std::string text = holes == 0 ? "" : format_count(holes, "pfn");
    if (broken != 0) {
        text += (text.empty() ? "" : ", ") + format_count(broken) + " lost to memory errors";
    }
    return text;
}

/// How memory crossed: in one pass, or in several of a live migration.
std::string passes_fact(const PageFacts& pages)
{
    if (pages.entries == 0) {
        return "";
    }
    if (pages.repeats == 0) {
        return "each page once";
    }
    return format_count(pages.rounds) +
           ", of a guest that ran: " + format_count(pages.repeats, "page") + " sent again";
}

std::string vcpus_fact(const StreamSummary& summary, const std::optional<DomainConfig>& config)
{
    std::string text;
    if (config) {
        const auto online =
            std::count(config->vcpu_online.begin(), config->vcpu_online.end(), true);
        text = format_count(config->max_vcpus);
        if (static_cast<unsigned>(online) != config->max_vcpus) {
            text += format(", %td online", online);
        }
    }
    if (!summary.vcpus.empty()) {
        text += (text.empty() ? "" : "; ") + std::string{"state of "} +
                format_count(summary.vcpus.size());
        const bool has_xsave =
            std::any_of(summary.vcpus.begin(), summary.vcpus.end(),
                        [](const auto& vcpu) { return vcpu.second.xsave.has_value(); });
        text += has_xsave ? ", with extended registers (XSAVE)" : "";
    }
    return text;
}

std::string hvm_fact(const StreamSummary& summary)
{
    return summary.hvm_context_octets
               ? format_octets(*summary.hvm_context_octets) + " of context, " +
                     format_count(summary.hvm_params.size(), "parameter")
               : "";
}

std::string policy_fact(const StreamSummary& summary)
{
    if (summary.cpuid.empty() && summary.msrs.empty()) {
        return "none: the destination's defaults apply";
    }
    return format_count(summary.cpuid.size()) + " CPUID leaves, " +
           format_count(summary.msrs.size(), "MSR");
}

std::string tsc_fact(const StreamSummary& summary)
{
    return summary.tsc ? format("%.3f GHz, at %.1f s of the guest's time",
                                static_cast<double>(summary.tsc->khz) / 1e6,
                                static_cast<double>(summary.tsc->nsec) / 1e9)
                       : "";
}

/// Both records of the grant table in one.
std::optional<ShownTableSize> grant_size(const StreamSummary& summary)
{
    if (!summary.grants && !summary.grant_info) {
        return std::nullopt;
    }
    ShownTableSize size = summary.grant_info ? size_of(*summary.grant_info) : ShownTableSize{};
    if (summary.grants) {  // the later one
        size.version = summary.grants->version;
        size.nr_frames = summary.grants->nr_frames;
    }
    return size;
}

std::string grants_fact(const StreamSummary& summary)
{
    const auto size = grant_size(summary);
    if (!size) {
        return "";
    }
    const std::string text = size_text(*size);
    return summary.grants ? text + "; " + grants_count_text(list_of(*summary.grants)) : text;
}

std::string size_of_file(const StreamSummary& summary)
{
    std::string text =
        format_octets(summary.total_octets) + " in " + format_count(summary.nr_records, "record");
    if (summary.trailing_octets != 0) {
        text += ", then " + format_count(summary.trailing_octets, "octet") + " of something else";
    }
    return text;
}

}  // namespace

std::string facts_text(const VerifyReport& report, const std::string& file_name)
{
    const StreamSummary& summary = report.summary;
    const auto config = config_of(summary);
    FactSheet sheet;
    sheet.add("Domain", config ? config->name : unreadable_config(summary));
    sheet.add("UUID", config ? to_string(config->uuid) : "");
    sheet.add("Kind", kind_fact(summary, config));
    sheet.add("Memory", config ? size_fact(*config) : "");
    sheet.add("vCPUs", vcpus_fact(summary, config));
    sheet.add("Saved on", origin_fact(summary));
    sheet.add("File", container_fact(summary));
    sheet.add("Size", size_of_file(summary));
    sheet.add("Pages", memory_fact(summary.pages));
    sheet.add("Tables", tables_fact(summary.pages));
    sheet.add("Holes", holes_fact(summary.pages));
    sheet.add("Passes", passes_fact(summary.pages));
    sheet.add("HVM state", hvm_fact(summary));
    sheet.add("CPU policy", summary.domain ? policy_fact(summary) : "");
    sheet.add("TSC", tsc_fact(summary));
    sheet.add("Grant table", grants_fact(summary));
    sheet.add("Verdict",
              verdict(report) +
                  (report.nr_errors + report.nr_deviations != 0 ? " (see xsr verify)" : ""));
    return file_name + "\n" + sheet.text();
}

namespace {

Json memory_json(const PageFacts& pages)
{
    Json types = Json::object();
    for (const PageType type : all_page_types) {
        if (const auto count = pages.by_type.at(to_wire(type)); count != 0) {
            types[to_string(type)] = count;
        }
    }
    Json memory = {{"pages", pages_where(pages, [](PageType type) { return needs_frame(type); })},
                   {"contents-octets", pages.contents_octets},
                   {"types", std::move(types)},
                   {"entries", pages.entries},
                   {"repeats", pages.repeats},
                   {"passes", pages.rounds}};
    if (pages.highest) {
        memory["highest-pfn"] = pages.highest->number();
    }
    return memory;
}

Json config_json(const DomainConfig& config)
{
    return {{"name", config.name},
            {"uuid", to_string(config.uuid)},
            {"type", to_string(config.type)},
            {"max-memory-kib", config.max_memory_kib},
            {"target-memory-kib", config.target_memory_kib},
            {"max-vcpus", config.max_vcpus}};
}

Json grants_json(const StreamSummary& summary, const ShownTableSize& size)
{
    Json members = size_json(size);
    if (summary.grants) {
        const GrantList grants = list_of(*summary.grants);
        members["grants"] = grants.nr_entries;
        members["in-use"] = nr_in_use(grants);
    }
    return members;
}

Json records_json(const StreamSummary& summary)
{
    Json records = Json::object();
    for (const auto& [type, count] : summary.records) {
        const bool is_known = record_type_from_wire(type).has_value();
        records[is_known ? std::string{name_of(type)} : format_hex(type)] = {
            {"records", count.records}, {"octets", count.octets}};
    }
    return records;
}

}  // namespace

Json facts_json(const VerifyReport& report, const std::string& file_name)
{
    const StreamSummary& summary = report.summary;
    Json facts = {{"file", file_name}, {"container", to_string(summary.container)}};
    if (const auto config = config_of(summary)) {
        facts["domain"] = config_json(*config);
    }
    if (summary.image && summary.domain) {
        facts["stream-version"] = summary.image->version;
        facts["domain-type"] = to_string(summary.domain->type);
        facts["xen-version"] =
            format("%u.%u", summary.domain->xen_major, summary.domain->xen_minor);
    }
    if (summary.width) {
        facts["guest-width-bits"] = octets_of_word(*summary.width) * 8;
    }
    facts["octets"] = summary.total_octets;
    facts["trailing-octets"] = summary.trailing_octets;
    facts["complete"] = summary.complete;
    facts["memory"] = memory_json(summary.pages);
    facts["vcpus"] = summary.vcpus.size();
    facts["checkpoints"] = summary.checkpoints;
    facts["cpuid-leaves"] = summary.cpuid.size();
    facts["records"] = records_json(summary);
    if (summary.tsc) {
        facts["tsc"] = {{"khz", summary.tsc->khz}, {"nsec", summary.tsc->nsec}};
    }
    if (const auto size = grant_size(summary)) {
        facts["grant-table"] = grants_json(summary, *size);
    }
    facts["errors"] = report.nr_errors;
    facts["deviations"] = report.nr_deviations;
    return facts;
}

}  // namespace sr
