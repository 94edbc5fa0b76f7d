// SPDX-License-Identifier: LGPL-2.1-or-later
// Findings and the verdict as text and JSON.
#include "tools/xsr/judgement.hpp"

#include "tools/xsr/units.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

std::uint64_t pages_with_frames(const StreamSummary& summary)
{
    std::uint64_t count = 0;
    for (unsigned type = 0; type < summary.pages.by_type.size(); ++type) {
        const auto known = page_type_from_wire(type);
        count += known && needs_frame(*known) ? summary.pages.by_type.at(type) : 0;
    }
    return count;
}

Json finding_json(const Finding& finding)
{
    Json entry = {{"kind", to_string(finding.kind)},
                  {"severity", to_string(finding.severity)},
                  {"message", finding.sentence}};
    if (finding.place) {
        entry["record"] = finding.place->record;
        entry["record-type"] = name_of(finding.place->type);
        entry["offset"] = finding.place->offset;
    }
    return entry;
}

}  // namespace

std::string finding_line(const Finding& finding)
{
    const std::string place =
        finding.place
            ? format("record %" PRIu64 " %s at offset %#" PRIx64 ": ", finding.place->record,
                     name_of(finding.place->type), finding.place->offset)
            : std::string{};
    return place + to_string(finding.severity) + " (" + to_string(finding.kind) +
           "): " + finding.sentence;
}

std::string verdict(const VerifyReport& report)
{
    const std::string held = format_count(report.summary.nr_records, "record") + ", " +
                             format_count(pages_with_frames(report.summary), "page");
    const char* unchecked = report.checked_all ? "" : "; too large for every check";
    const std::string deviations = format_count(report.nr_deviations, "deviation");
    if (report.nr_errors != 0) {
        return format_count(report.nr_errors, "error") +
               (report.nr_deviations != 0 ? ", " + deviations : "") + ": a restore refuses it";
    }
    if (report.nr_deviations != 0) {
        return format("%s, which a restore lets pass: %s%s", deviations.c_str(), held.c_str(),
                      unchecked);
    }
    return format("no deviation: %s%s", held.c_str(), unchecked);
}

Json judgement_json(const VerifyReport& report, const std::string& file_name)
{
    Json findings = Json::array();
    for (const Finding& finding : report.findings) {
        findings.push_back(finding_json(finding));
    }
    return {{"file", file_name},
            {"restorable", report.restorable()},
            {"errors", report.nr_errors},
            {"deviations", report.nr_deviations},
            {"checked-all", report.checked_all},
            {"records", report.summary.nr_records},
            {"pages", pages_with_frames(report.summary)},
            {"findings", std::move(findings)}};
}

ExitCode exit_code_of(const VerifyReport& report) noexcept
{
    if (report.nr_errors == 0) {
        return report.nr_deviations == 0 ? ExitCode::ok : ExitCode::different;
    }
    const auto first =
        std::find_if(report.findings.begin(), report.findings.end(),
                     [](const Finding& each) { return each.severity == Severity::error; });
    if (first == report.findings.end()) {
        return ExitCode::malformed;  // among those that were counted and not kept
    }
    switch (first->kind) {
    case FindingKind::framing:
        return ExitCode::io;
    case FindingKind::unknown:
    case FindingKind::unsupported:
        return ExitCode::unsupported;
    case FindingKind::malformed:
    case FindingKind::order:
    case FindingKind::reserved:
    case FindingKind::padding:
    case FindingKind::semantic:
    case FindingKind::trailing:
        return ExitCode::malformed;
    }
    return ExitCode::malformed;
}

}  // namespace sr
