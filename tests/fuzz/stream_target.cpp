// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes whole streams, in any container: verify judges each, and a reader as strict as a restore
// takes what it passes.
#include "libsr/verify/verify.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/seeds.hpp"

#include <algorithm>
#include <array>

namespace sr::fuzz {
namespace {

/// Reads a stream as a restore reads it, applying nothing: the first thing that is wrong ends it.
class StrictReader {
public:
    StrictReader(Container& container, StreamKind kind)
        : container_{container}, reader_{container.libxc()}, order_{reader_.image_header().version,
                                                                    reader_.domain_header().type,
                                                                    kind}
    {
    }

    void read_to_end()
    {
        while (!order_.finished()) {
            const RecordHead head = reader_.next();
            (void)order_.accept(head.type);
            take(record_type_from_wire(head.type));
            if (head.type == to_wire(RecordType::checkpoint)) {
                container_.read_checkpoint();
            }
        }
        container_.read_tail();
    }

private:
    void take(std::optional<RecordType> type)
    {
        if (!type) {
            reader_.skip_body();
        } else if (*type == RecordType::page_data) {
            take_pages();
        } else {
            decode(*type, reader_.read_body());
        }
    }

    void take_pages()
    {
        std::size_t left = 0;
        for (const PageEntry& entry : reader_.read_page_data_head(Pfn{limits::pfn_max})) {
            left += has_contents(entry) ? page_size : 0;
        }
        require(left == reader_.body_left(), "contents of pages that the list does not name");
        for (; left > 0; left -= page_size) {
            iovec part = iovec_of(std::span<std::byte>{page_});
            reader_.read_contents({&part, 1});
        }
        reader_.finish_body();
    }

    void decode(RecordType type, Input body)
    {
        switch (type) {
        case RecordType::x86_pv_info:
            width_ = decode_pv_info(body);
            break;
        case RecordType::x86_pv_p2m_frames:
            (void)decode_p2m_frames(body, width_);
            break;
        case RecordType::x86_pv_vcpu_basic:
        case RecordType::x86_pv_vcpu_extended:
        case RecordType::x86_pv_vcpu_xsave:
        case RecordType::x86_pv_vcpu_msrs:
            (void)decode_vcpu(type, body, width_, limits::vcpus_max);
            break;
        default:
            decode_plain(type, body);
            break;
        }
    }

    static void decode_plain(RecordType type, Input body)
    {
        switch (type) {
        case RecordType::shared_info:
            (void)decode_shared_info(body);
            break;
        case RecordType::x86_tsc_info:
            (void)decode_tsc_info(body);
            break;
        case RecordType::hvm_context:
            (void)decode_hvm_context(body);
            break;
        case RecordType::hvm_params:
            (void)decode_hvm_params(body);
            break;
        case RecordType::x86_cpuid_policy:
            (void)decode_cpuid_policy(body);
            break;
        case RecordType::x86_msr_policy:
            (void)decode_msr_policy(body);
            break;
        case RecordType::grant_table_info:
            (void)decode_grant_table_info(body);
            break;
        case RecordType::grant_table_entries:
            (void)decode_grant_table_entries(body, Pfn{limits::pfn_max});
            break;
        default:
            decode_empty(type, body);
            break;
        }
    }

    Container& container_;
    StreamReader reader_;
    RecordOrder order_;
    GuestWidth width_ = GuestWidth::bits64;
    std::array<std::byte, page_size> page_{};
};

bool reads(Input input, StreamKind kind)
{
    return survives([&] {
        MemorySource source{input};
        Container container{source};
        StrictReader{container, kind}.read_to_end();
    });
}

constexpr std::size_t findings_kept = 200;

VerifyReport judge(Input input, StreamKind kind)
{
    MemorySource source{input};
    VerifyOptions options;
    options.kind = kind;
    options.findings_max = findings_kept;
    options.page_memory_max = std::size_t{8} << 20;
    return verify_stream(source, options);
}

void check_report(const VerifyReport& report, Input input)
{
    const auto errors = std::ranges::count_if(report.findings, [](const Finding& finding) {
        return finding.severity == Severity::error;
    });
    require(static_cast<std::uint64_t>(errors) == report.nr_errors ||
                report.findings.size() == findings_kept,
            "errors are miscounted");
    for (const Finding& finding : report.findings) {
        require(!finding.sentence.empty(), "a finding without a sentence");
        require(!finding.place || finding.place->offset <= input.size(),
                "a finding behind the end");
    }
    require(report.summary.total_octets <= input.size(), "more octets than there are");
    require(!report.restorable() || report.summary.complete, "restorable without an end");
}

/// @return whether verify takes it for one that can be restored
bool check_kind(Input input, StreamKind kind)
{
    const VerifyReport report = judge(input, kind);
    check_report(report, input);
    require(!report.restorable() || reads(input, kind), "verify passes what a reader refuses");
    return report.restorable();
}

void run(Input input)
{
    if (!check_kind(input, StreamKind::plain)) {
        (void)check_kind(input, StreamKind::checkpointed);
    }
}

/// A PV stream that goes on after a checkpoint.
Octets checkpointed()
{
    Octets stream;
    const auto add = [&stream](const char* name) {
        const Octets more = test::golden(name);
        stream.insert(stream.end(), more.begin(), more.end());
    };
    add("pv_stream.hex");
    stream.resize(stream.size() - test::golden("end.hex").size());
    for (const char* name : {"checkpoint.hex", "page_data.hex", "x86_tsc_info.hex",
                             "shared_info.hex", "x86_pv_vcpu_basic.hex", "end.hex"}) {
        add(name);
    }
    return stream;
}

std::vector<Seed> seeds()
{
    std::vector<Seed> made =
        golden_seeds({"pv_stream.hex", "pv_stream_v2.hex", "pv_stream_grants.hex", "hvm_stream.hex",
                      "libxl_hvm_stream.hex", "xl_pv_file.hex"});
    made.push_back({"checkpointed", checkpointed()});
    for (Seed& seed : findings_of("stream")) {
        made.push_back(std::move(seed));
    }
    return made;
}

}  // namespace

const Target stream_target = {"stream", run, seeds, true};

}  // namespace sr::fuzz
