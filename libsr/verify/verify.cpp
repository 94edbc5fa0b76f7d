// SPDX-License-Identifier: LGPL-2.1-or-later
// The loop over a stream's records.
#include "libsr/verify/verify.hpp"

#include "libsr/verify/judgement.hpp"
#include "libsr/verify/page_data_check.hpp"
#include "libsr/verify/record_check.hpp"
#include "libsr/wire/stream_reader.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// Distinct types that nobody knows, to keep counts of.
constexpr std::size_t unknown_types_max = 64;

/// Past this a stream cannot be read.
[[nodiscard]] bool ends_the_stream(const Error& e) noexcept
{
    return e.code() == Errc::io || e.code() == Errc::internal;
}

[[nodiscard]] FindingKind kind_of(const Error& e) noexcept
{
    if (e.code() == Errc::io) {
        return FindingKind::framing;
    }
    return e.code() == Errc::unsupported ? FindingKind::unsupported : FindingKind::malformed;
}

void rethrow_cancelled(const Error& e)
{
    if (e.code() == Errc::cancelled) {
        throw e;
    }
}

/// One libxc stream being judged.
class StreamJudge {
public:
    StreamJudge(Container& container, StreamKind kind, Judgement& judgement)
        : container_{container}, judgement_{judgement}, reader_{container.libxc()},
          order_{reader_.image_header().version, reader_.domain_header().type, kind}, pages_{
                                                                                          reader_,
                                                                                          judgement}
    {
        judgement_.summary.image = reader_.image_header();
        judgement_.summary.domain = reader_.domain_header();
        check_reserved(reader_.image_layout(), judgement_.findings);
        check_reserved(reader_.domain_layout(), judgement_.findings);
    }

    /// @throws Error where the stream cannot be read on
    void judge_to_end()
    {
        while (judge_record() != to_wire(RecordType::end)) {
        }
        judgement_.findings.set_place(std::nullopt);
        judgement_.summary.complete = true;
        check_whole(judgement_);
    }

private:
    std::uint32_t judge_record()
    {
        const RecordHead head = reader_.next();
        judgement_.findings.set_place(head.place);
        count(head);
        judge_order(head.type);
        judge_body(head);
        if (!reader_.padding_was_zero()) {
            judgement_.findings.deviation(FindingKind::padding, "%s: its padding is not zero",
                                          name_of(head.type));
        }
        if (head.type == to_wire(RecordType::checkpoint)) {
            ++judgement_.summary.checkpoints;
            judgement_.findings.set_place(std::nullopt);
            container_.read_checkpoint();
        }
        return head.type;
    }

    void count(const RecordHead& head)
    {
        StreamSummary& summary = judgement_.summary;
        ++summary.nr_records;
        if (summary.records.contains(head.type) ||
            summary.records.size() < nr_known_types + unknown_types_max) {
            RecordCount& counted = summary.records[head.type];
            ++counted.records;
            counted.octets += head.length;
        }
    }

    void judge_order(std::uint32_t type)
    {
        try {
            const OrderStep step = order_.accept(type);
            if (step.deviation != nullptr) {
                judgement_.findings.deviation(FindingKind::order, "%s: %s", name_of(type),
                                              step.deviation);
            }
            if (!record_type_from_wire(type)) {
                judgement_.findings.deviation(FindingKind::unknown,
                                              "optional record of unknown type %#010" PRIx32, type);
            }
        } catch (const Error& e) {
            const bool is_known = record_type_from_wire(type).has_value();
            const FindingKind kind = !is_known                       ? FindingKind::unknown
                                     : e.code() == Errc::unsupported ? FindingKind::unsupported
                                                                     : FindingKind::order;
            judgement_.findings.error(kind, "%s%s%s", is_known ? name_of(type) : "",
                                      is_known ? ": " : "", e.what());
            order_.assume(type);
        }
    }

    void judge_body(const RecordHead& head)
    {
        const auto type = record_type_from_wire(head.type);
        if (!type) {
            return reader_.skip_body();
        }
        try {
            if (*type == RecordType::page_data) {
                pages_.check();
                return reader_.skip_body();  // padding, or what did not make sense
            }
            const auto body = reader_.read_body();
            is_body_read_ = true;
            check_record(*type, body, judgement_);
        } catch (const Error& e) {
            rethrow_cancelled(e);
            if (ends_the_stream(e)) {
                throw;
            }
            judgement_.findings.error(kind_of(e), e);
            if (!std::exchange(is_body_read_, false)) {
                reader_.skip_body();
            }
        }
        is_body_read_ = false;
    }

    Container& container_;
    Judgement& judgement_;
    StreamReader reader_;
    RecordOrder order_;
    PageDataCheck pages_;
    bool is_body_read_ = false;
};

FindingKind kind_of(ContainerDeviation::Kind kind) noexcept
{
    switch (kind) {
    case ContainerDeviation::Kind::reserved:
        return FindingKind::reserved;
    case ContainerDeviation::Kind::padding:
        return FindingKind::padding;
    case ContainerDeviation::Kind::unknown:
        return FindingKind::unknown;
    case ContainerDeviation::Kind::other:
        return FindingKind::malformed;
    }
    return FindingKind::malformed;
}

void note_container(const Container& container, Judgement& judgement)
{
    StreamSummary& summary = judgement.summary;
    summary.container = container.kind();
    summary.xl = container.xl();
    summary.converted_from_legacy = container.converted_from_legacy();
    summary.libxl_records = container.records();
    for (const ContainerDeviation& deviation : container.deviations()) {
        judgement.findings.deviation(kind_of(deviation.kind), "octet %#" PRIx64 ": %s",
                                     deviation.offset, deviation.sentence.c_str());
    }
}

void judge_tail(Container& container, const VerifyOptions& options, Judgement& judgement)
{
    container.read_tail();
    if (!options.count_trailing) {
        return;
    }
    judgement.summary.trailing_octets = container.count_trailing();
    if (judgement.summary.trailing_octets != 0) {
        judgement.findings.deviation(FindingKind::trailing, "%" PRIu64 " octets after the end",
                                     judgement.summary.trailing_octets);
    }
}

void judge_all(Source& source, const VerifyOptions& options, Judgement& judgement)
{
    std::optional<Container> container;
    try {
        container.emplace(source);
        StreamJudge judge{*container, options.kind, judgement};
        judge.judge_to_end();
        judge_tail(*container, options, judgement);
    } catch (const Error& e) {
        rethrow_cancelled(e);
        judgement.findings.error(kind_of(e), e);
    }
    judgement.findings.set_place(std::nullopt);
    if (container) {
        note_container(*container, judgement);
    }
    judgement.summary.total_octets = source.position();
    judgement.summary.pages.by_type = judgement.types.counts();
}

}  // namespace

VerifyReport verify_stream(Source& source, const VerifyOptions& options)
{
    Judgement judgement{options};
    judge_all(source, options, judgement);
    VerifyReport report;
    report.findings = judgement.findings.kept();
    report.nr_errors = judgement.findings.nr_errors();
    report.nr_deviations = judgement.findings.nr_deviations();
    report.checked_all = judgement.types.complete() && judgement.tables.complete();
    report.summary = std::move(judgement.summary);
    return report;
}

}  // namespace sr
