// SPDX-License-Identifier: LGPL-2.1-or-later
// Grant tables that a guest cannot have had.
#include "libsr/verify/grants_check.hpp"

#include <cinttypes>

namespace sr {
namespace {

constexpr const char* entries_name = "SR_GRANT_TABLE_ENTRIES";

/// A table never gives frames up, and grows to its limit.
void check_growth(const GrantTableInfo& info, const GrantTableEntries& table, Findings& findings)
{
    if (table.nr_frames < info.nr_frames) {
        findings.error(FindingKind::semantic,
                       "%s: %" PRIu32 " frames, SR_GRANT_TABLE_INFO has %" PRIu32
                       ": a table never becomes smaller",
                       entries_name, table.nr_frames, info.nr_frames);
    }
    if (table.nr_frames > info.max_frames) {
        findings.error(FindingKind::semantic, "%s: %" PRIu32 " frames, above the limit of %" PRIu32,
                       entries_name, table.nr_frames, info.max_frames);
    }
    if (info.max_version && table.version > *info.max_version) {
        findings.error(FindingKind::semantic,
                       "%s: version %" PRIu32 ", at most %" PRIu32 " is allowed", entries_name,
                       number_of(table.version), number_of(*info.max_version));
    }
}

/// A guest may write such entries; Xen honours none of them.
void check_kinds(const GrantTableEntries& table, Findings& findings)
{
    std::uint64_t nr_odd = 0;
    for (const StreamGrantEntry& entry : table.entries) {
        const bool is_odd =
            entry.kind() == GrantKind::transitive && table.version == GrantVersion::v1;
        nr_odd += is_odd ? 1U : 0U;
    }
    if (nr_odd != 0) {
        findings.deviation(FindingKind::semantic,
                           "%s: %" PRIu64 " entries are transitive, which version 1 does not have",
                           entries_name, nr_odd);
    }
}

}  // namespace

void check_grant_info(std::span<const std::byte> body, Judgement& judgement)
{
    judgement.summary.grant_info = decode_grant_table_info(body);
}

void check_grant_entries(std::span<const std::byte> body, Judgement& judgement)
{
    StreamSummary& summary = judgement.summary;
    summary.grants = decode_grant_table_entries(body, judgement.highest());
    check_kinds(*summary.grants, judgement.findings);
    if (summary.grant_info) {
        check_growth(*summary.grant_info, *summary.grants, judgement.findings);
    }
}

void check_granted_pages(Judgement& judgement)
{
    const StreamSummary& summary = judgement.summary;
    if (summary.grant_info && !summary.records.contains(to_wire(RecordType::grant_table_entries))) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "SR_GRANT_TABLE_INFO: without %s after it", entries_name);
    }
    if (!summary.grants || !judgement.types.complete()) {
        return;
    }
    std::uint64_t nr_bad = 0;
    for (const StreamGrantEntry& entry : summary.grants->entries) {
        // A page that is broken, or on its way out, may be granted: that is odd, and no reason to refuse the guest.
        const auto type = entry.frame ? judgement.types.find(*entry.frame) : PageType::notab;
        if (type && needs_frame(*type)) {
            continue;
        }
        if (++nr_bad == 1) {
            judgement.findings.deviation(FindingKind::semantic,
                                         "%s: entry %" PRIu32 " names pfn %#" PRIx64
                                         ", which the stream does not hold",
                                         entries_name, entry.ref, entry.frame->number());
        }
    }
    if (nr_bad > 1) {
        judgement.findings.deviation(FindingKind::semantic,
                                     "%s: %" PRIu64 " more entries are no better", entries_name,
                                     nr_bad - 1);
    }
}

}  // namespace sr
