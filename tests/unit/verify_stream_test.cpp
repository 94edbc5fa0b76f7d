// SPDX-License-Identifier: LGPL-2.1-or-later
// verify: golden streams are clean, and each thing that can be wrong is found, as what it is.
#include "libsr/wire/encode.hpp"
#include "tests/unit/verify_support.hpp"

namespace sr {
namespace {

using test::expect_one;
using test::golden;
using test::Lines;
using test::lines;
using test::octets_of_hex;
using test::page_at;
using test::Parts;
using test::verify;

TEST(Verify, GoldenStreamsAreClean)
{
    for (const char* name :
         {"pv_stream.hex", "pv_stream_v2.hex", "pv32_stream.hex", "xl_pv_file.hex"}) {
        const VerifyReport report = verify(golden(name));
        EXPECT_EQ(lines(report), Lines{}) << name;
        EXPECT_TRUE(report.restorable());
        EXPECT_TRUE(report.summary.complete);
        EXPECT_EQ(report.summary.total_octets, golden(name).size());
    }
}

TEST(Verify, AnHvmStreamIsCleanButForItsBlob)
{
    Parts parts{"hvm_stream.hex"};
    expect_one(parts.verify(), "error semantic: HVM_CONTEXT: its entries do not add up: an entry's "
                               "head: needs 8 octets, 3 left");
    parts.replace(RecordType::hvm_context,
                  octets_of_hex("09 00 00 00 14 00 00 00  01 00 00 00 04 00 00 00 86 12 38 54 "
                                "00 00 00 00 00 00 00 00  00 00 00 00"));
    EXPECT_EQ(lines(parts.verify()), Lines{});
}

TEST(Verify, SummarisesAPvStream)
{
    const StreamSummary s = verify(golden("xl_pv_file.hex")).summary;
    EXPECT_EQ(s.container, ContainerKind::xl);
    EXPECT_EQ(s.xl->config, "{\"a\":1}  \n");
    EXPECT_EQ(s.libxl_records.size(), 2U);
    EXPECT_EQ(s.image->version, 3U);
    EXPECT_EQ(s.domain->type, DomainType::x86_pv);
    EXPECT_EQ(s.width, GuestWidth::bits64);
    EXPECT_EQ(s.max_pfn, Pfn{15});
    EXPECT_EQ(s.p2m_frames, 1U);
    EXPECT_EQ(s.nr_records, 14U);
    EXPECT_EQ(s.records.at(to_wire(RecordType::page_data)).records, 2U);
    EXPECT_EQ(s.records.at(to_wire(RecordType::page_data)).octets, 24656U + 64U);
    EXPECT_EQ(s.pages.entries, 16U);
    EXPECT_EQ(s.pages.contents_octets, 6 * page_size);
    EXPECT_EQ(s.pages.repeats, 0U);
    EXPECT_EQ(s.pages.rounds, 1U);
    EXPECT_EQ(s.pages.highest, Pfn{15});
    EXPECT_EQ(s.pages.by_type[to_wire(PageType::notab)], 2U);
    EXPECT_EQ(s.pages.by_type[to_wire(PageType::l4_pinned)], 1U);
    EXPECT_EQ(s.pages.by_type[to_wire(PageType::xtab)], 8U);
    ASSERT_EQ(s.vcpus.size(), 1U);
    EXPECT_EQ(s.vcpus.at(0).basic, 5168U);
    EXPECT_EQ(s.vcpus.at(0).extended, 64U);
    EXPECT_EQ(s.vcpus.at(0).xsave, 20U);
    EXPECT_EQ(s.vcpus.at(0).msrs, 32U);
    EXPECT_EQ(s.tsc->khz, 1'800'000U);
    EXPECT_EQ(s.cpuid.size(), 2U);
    EXPECT_EQ(s.msrs.size(), 1U);
}

TEST(Verify, CountsRepeatsAndRounds)
{
    Parts parts{"pv_stream.hex"};
    parts.insert_before(RecordType::x86_tsc_info, golden("page_data.hex"));
    const VerifyReport report = parts.verify();
    EXPECT_EQ(lines(report), Lines{});
    EXPECT_EQ(report.summary.pages.repeats, 9U);
    EXPECT_EQ(report.summary.pages.rounds, 2U);
    EXPECT_EQ(report.summary.pages.by_type[to_wire(PageType::notab)], 2U);
}

TEST(Verify, FindsReservedFields)
{
    const auto reserved = [](auto where, std::size_t at, const char* hex, const char* sentence) {
        Parts parts{"pv_stream.hex"};
        parts.change(where, at, hex);
        expect_one(parts.verify(), std::string{"deviation reserved: "} + sentence);
    };
    reserved(Parts::headers, 16, "80 00", "image header: a reserved field is not zero");
    reserved(Parts::headers, 19, "01", "image header: a reserved field is not zero");
    reserved(Parts::headers, 23, "01", "image header: a reserved field is not zero");
    reserved(Parts::headers, 30, "01", "domain header: the reserved field is not zero");
    reserved(RecordType::x86_pv_info, 7, "01",
             "X86_PV_INFO: a reserved field is not zero (0x1000000)");
    reserved(RecordType::page_data, 4, "02", "PAGE_DATA: the reserved field of its head is 0x2");
    reserved(RecordType::page_data, 8 + 7, "01", "PAGE_DATA: 1 pfns have reserved bits set");
    reserved(RecordType::x86_tsc_info, 20, "03",
             "X86_TSC_INFO: a reserved field is not zero (0x3)");
    reserved(RecordType::x86_pv_vcpu_basic, 4, "01",
             "X86_PV_VCPU_BASIC: a reserved field is not zero (0x1)");
    reserved(RecordType::x86_pv_vcpu_msrs, 8 + 4, "07",
             "X86_PV_VCPU_MSRS: a reserved field is not zero (0x1)");
    reserved(RecordType::x86_msr_policy, 4, "01",
             "X86_MSR_POLICY: a reserved field is not zero (0x1)");
}

TEST(Verify, FindsPadding)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::x86_pv_vcpu_xsave, 28, "00 00 00 01");
    expect_one(parts.verify(), "deviation padding: X86_PV_VCPU_XSAVE: its padding is not zero");
}

TEST(Verify, FindsUnknownRecords)
{
    Parts optional{"pv_stream.hex"};
    optional.insert_before(RecordType::x86_tsc_info, golden("optional_unknown.hex"));
    expect_one(optional.verify(), "deviation unknown: optional record of unknown type 0x80001234");
    Parts mandatory{"pv_stream.hex"};
    mandatory.insert_before(RecordType::x86_tsc_info, octets_of_hex("13 00 00 00 00*4"));
    const VerifyReport report = mandatory.verify();
    expect_one(report, "error unknown: mandatory record of unknown type 0x00000013");
    EXPECT_FALSE(report.restorable());
    EXPECT_TRUE(report.summary.complete);
    EXPECT_EQ(report.findings[0].place->record, 7U);
}

TEST(Verify, FindsRecordsOutOfOrderOnceEach)
{
    Parts parts{"pv_stream.hex"};
    parts.erase(RecordType::static_data_end);
    expect_one(parts.verify(),
               "error order: X86_PV_P2M_FRAMES: comes without STATIC_DATA_END before it");
    Parts toolstack{"pv_stream.hex"};
    toolstack.insert_before(RecordType::x86_tsc_info, golden("toolstack.hex"));
    expect_one(toolstack.verify(),
               "error unsupported: TOOLSTACK: a deprecated record that nothing can restore");
    Parts late{"pv_stream.hex"};
    late.erase(RecordType::x86_cpuid_policy)
        .insert_before(RecordType::x86_tsc_info, golden("x86_cpuid_policy.hex"));
    expect_one(
        late.verify(),
        "deviation order: X86_CPUID_POLICY: comes after the static data, so it is never applied");
}

TEST(Verify, FindsWhatDoesNotDecodeAndGoesOn)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::x86_tsc_info, 0, "09");
    parts.change(RecordType::x86_pv_vcpu_xsave, 0, "ff ff ff ff");
    const VerifyReport report = parts.verify();
    EXPECT_EQ(lines(report),
              (Lines{"error malformed: X86_TSC_INFO: unknown mode 9",
                     "error malformed: X86_PV_VCPU_XSAVE: vCPU 4294967295, the domain has 8192"}));
    EXPECT_TRUE(report.summary.complete);
    EXPECT_EQ(report.nr_errors, 2U);
    EXPECT_EQ(report.findings[0].place->record, 7U);
    EXPECT_EQ(report.findings[0].place->type, 8U);
}

TEST(Verify, FindsBadPageLists)
{
    Parts type{"pv_stream.hex"};
    type.change(RecordType::page_data, 8 + 7, "50");
    EXPECT_EQ(lines(type.verify()).front(),
              "error malformed: PAGE_DATA: pfn 0 has unknown type 0x5");
    Parts high{"pv_stream.hex"};
    high.change(RecordType::page_data, 8 + 6 * 8, "20")
        .change(RecordType::page_data, 8 + 7 * 8, "20");
    const Lines found = lines(high.verify());
    EXPECT_EQ(found[0], "error malformed: PAGE_DATA: pfn 0x20 is above the domain's highest, 0xf");
    EXPECT_EQ(found[1], "error malformed: PAGE_DATA: 1 more pfns are no better");
    Parts twice{"pv_stream.hex"};
    twice.change(RecordType::page_data, 8 + 7 * 8, "06");
    expect_one(twice.verify(),
               "deviation semantic: PAGE_DATA: pfn 0x6 is listed more than once in one record");
    Parts apart{"pv_stream.hex"};
    apart.change(RecordType::page_data, 8 + 8 * 8, "06");
    expect_one(apart.verify(),
               "deviation semantic: PAGE_DATA: pfn 0x6 is listed more than once in one record");
    Parts shorter{"pv_stream.hex"};
    shorter.change(RecordType::page_data, 8 + 5 * 8 + 7, "f0");
    EXPECT_EQ(lines(shorter.verify()).front(), "error malformed: PAGE_DATA: 9 pfns with their "
                                               "contents are 20560 octets, the record has 24656");
}

TEST(Verify, FindsTrailingOctets)
{
    Parts parts{"pv_stream.hex"};
    parts.append(Octets(3));
    const VerifyReport report = parts.verify();
    expect_one(report, "deviation trailing: 3 octets after the end");
    EXPECT_TRUE(report.restorable());
    const VerifyReport untold = verify(parts.whole(), {.count_trailing = false});
    EXPECT_EQ(lines(untold), Lines{});
}

TEST(Verify, StopsAtWhatCannotBeFramed)
{
    const Octets octets = golden("pv_stream.hex");
    const VerifyReport cut = verify(Octets(octets.data(), octets.data() + octets.size() - 3));
    expect_one(cut, "error framing: the stream ends within a record's head");
    EXPECT_FALSE(cut.summary.complete);
    EXPECT_EQ(cut.findings[0].place->record, 13U);
    EXPECT_EQ(cut.summary.nr_records, 13U);
    Parts parts{"pv_stream.hex"};
    parts.change(parts.find(RecordType::x86_tsc_info), 4, "ff ff ff ff");
    EXPECT_EQ(lines(parts.verify()),
              Lines{"error malformed: claims 4294967295 octets, at most 134217728 are read"});
    expect_one(verify(Octets(100)),
               "error unsupported: not a stream of a Xen domain: it starts with "
               "00 00 00 00 00 00 00 00 (images of "
               "Xen before 4.6 go through Xen's convert-legacy-stream first)");
}

TEST(Verify, KeepsABoundedNumberOfFindings)
{
    Octets octets = golden("image_header.hex");
    const Octets domain = golden("domain_header_pv.hex");
    octets.insert(octets.end(), domain.begin(), domain.end());
    for (int i = 0; i < 1000; ++i) {
        const Octets record = golden("toolstack.hex");
        octets.insert(octets.end(), record.begin(), record.end());
    }
    const VerifyReport report = verify(octets, {.findings_max = 10});
    EXPECT_EQ(report.findings.size(), 10U);
    EXPECT_EQ(report.nr_errors, 1001U);
}

TEST(Verify, BoundsTheMemoryForPages)
{
    // HVM pfns far apart, each of which costs a chunk.
    Parts parts{"hvm_stream.hex"};
    std::vector<PageEntry> entries;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        entries.push_back({Pfn{i << 25}, PageType::xtab});
    }
    Octets record(8 + page_data_list_length(entries.size()));
    const auto list = encode_page_data(std::span{record}.subspan(8), entries);
    store(record, 0, encode_record_header(1, static_cast<std::uint32_t>(list.size())));
    parts.insert_before(RecordType::x86_tsc_info, record);
    const VerifyReport whole = parts.verify();
    EXPECT_TRUE(whole.checked_all);
    EXPECT_EQ(whole.summary.pages.by_type[to_wire(PageType::xtab)], 1000U);
    const VerifyReport bounded = verify(parts.whole(), {.page_memory_max = 1 << 20});
    EXPECT_FALSE(bounded.checked_all);
    EXPECT_LT(bounded.summary.pages.by_type[to_wire(PageType::xtab)], 1000U);
    EXPECT_EQ(bounded.summary.pages.entries, 1001U);
}

TEST(Verify, FollowsCheckpoints)
{
    Parts parts{"pv_stream.hex"};
    parts.erase(RecordType::end).append(golden("checkpoint.hex"));
    for (const char* name : {"page_data.hex", "x86_tsc_info.hex", "shared_info.hex",
                             "x86_pv_vcpu_basic.hex", "checkpoint.hex", "end.hex"}) {
        parts.append(golden(name));
    }
    const VerifyReport report = verify(parts.whole(), {.kind = StreamKind::checkpointed});
    EXPECT_EQ(lines(report), Lines{});
    EXPECT_EQ(report.summary.checkpoints, 2U);
    EXPECT_FALSE(parts.verify().restorable());
}

TEST(Verify, GoesThroughCheckpointsOfALibxlStream)
{
    Octets octets = golden("libxl_head.hex");
    const auto add = [&](const Octets& more) {
        octets.insert(octets.end(), more.begin(), more.end());
    };
    Parts parts{"pv_stream.hex"};
    add(golden("libxl_libxc_context.hex"));
    add(parts.erase(RecordType::end).whole());
    for (const char* name :
         {"checkpoint.hex", "libxl_checkpoint_end.hex", "end.hex", "libxl_end.hex"}) {
        add(golden(name));
    }
    const VerifyReport report = verify(octets, {.kind = StreamKind::checkpointed});
    EXPECT_EQ(lines(report), Lines{});
    EXPECT_EQ(report.summary.libxl_records.size(), 3U);
}

/// A source that is cancelled after some octets.
class CancelledSource final : public Source {
public:
    explicit CancelledSource(std::span<const std::byte> octets) : inner_{octets} {}
    std::size_t read_some(std::span<std::byte> to) override
    {
        if (inner_.position() > 1000) {
            throw Error{Errc::cancelled, "cancelled"};
        }
        return inner_.read_some(to);
    }
    std::uint64_t position() const noexcept override { return inner_.position(); }

private:
    MemorySource inner_;
};

TEST(Verify, CanBeCancelled)
{
    const Octets octets = golden("pv_stream.hex");
    CancelledSource source{octets};
    EXPECT_THROW((void)verify_stream(source), Error);
}

}  // namespace
}  // namespace sr
