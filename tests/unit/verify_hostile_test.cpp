// SPDX-License-Identifier: LGPL-2.1-or-later
// Every truncation, and every single-octet change in headers and record heads, of small streams: through the decoders,
// the order and verify. Nothing crashes, hangs or takes memory, which the sanitizers watch, and both sides agree.
#include "libsr/verify/verify.hpp"
#include "libsr/wire/limits.hpp"
#include "libsr/wire/order.hpp"
#include "libsr/wire/stream_reader.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sr {
namespace {

using test::golden;

/// Bytes asked of a source at once: what a reader is about to hold.
class WatchedSource final : public Source {
public:
    explicit WatchedSource(std::span<const std::byte> octets) : inner_{octets} {}
    std::size_t read_some(std::span<std::byte> to) override
    {
        most_asked_ = std::max(most_asked_, to.size());
        ++nr_reads_;
        return inner_.read_some(to);
    }
    std::uint64_t position() const noexcept override { return inner_.position(); }
    std::size_t most_asked() const { return most_asked_; }
    std::size_t nr_reads() const { return nr_reads_; }

private:
    MemorySource inner_;
    std::size_t most_asked_ = 0;
    std::size_t nr_reads_ = 0;
};

/// One record as a restore decodes it, without a domain.
void decode_record(StreamReader& reader, std::uint32_t type, GuestWidth& width, Pfn& highest)
{
    const auto known = record_type_from_wire(type);
    if (known == RecordType::page_data) {
        const auto entries = reader.read_page_data_head(highest);
        Octets contents(reader.body_left());
        reader.read_part(contents, "contents");
        reader.finish_body();
        ASSERT_FALSE(entries.empty());
        return;
    }
    const auto body = reader.read_body();
    using enum RecordType;
    if (known == x86_pv_info) {
        width = decode_pv_info(body);
    } else if (known == x86_pv_p2m_frames) {
        highest = decode_p2m_frames(body, width).last();
    } else if (known == x86_pv_vcpu_basic || known == x86_pv_vcpu_extended ||
               known == x86_pv_vcpu_xsave || known == x86_pv_vcpu_msrs) {
        (void)decode_vcpu(*known, body, width, limits::vcpus_max);
    } else if (known == shared_info) {
        (void)decode_shared_info(body);
    } else if (known == x86_tsc_info) {
        (void)decode_tsc_info(body);
    } else if (known == x86_cpuid_policy) {
        (void)decode_cpuid_policy(body);
    } else if (known == x86_msr_policy) {
        (void)decode_msr_policy(body);
    } else if (known == hvm_params) {
        (void)decode_hvm_params(body);
    } else if (known == hvm_context) {
        (void)decode_hvm_context(body);
    } else if (known == grant_table_info) {
        (void)decode_grant_table_info(body);
    } else if (known == grant_table_entries) {
        (void)decode_grant_table_entries(body, Pfn{limits::pfn_max});
    } else if (known) {
        decode_empty(*known, body);
    }
}

/// Whether decoders and order take the stream.
bool decodes(const Octets& octets)
{
    WatchedSource source{octets};
    bool taken = true;
    try {
        StreamReader reader{source};
        RecordOrder order{reader.image_header().version, reader.domain_header().type};
        GuestWidth width = GuestWidth::bits64;
        Pfn highest{limits::pfn_max};
        while (!order.finished()) {
            const std::uint32_t type = reader.next().type;
            (void)order.accept(type);
            decode_record(reader, type, width, highest);
        }
    } catch (const Error& e) {
        EXPECT_NE(e.code(), Errc::internal) << e.what();
        taken = false;
    }
    EXPECT_LE(source.most_asked(), std::size_t{64} << 10);
    return taken;
}

/// verify's judgement; a stream that a restore must refuse is never one that verify passes.
bool verifies(const Octets& octets)
{
    WatchedSource source{octets};
    const VerifyReport report = verify_stream(source);
    EXPECT_LE(source.most_asked(), std::size_t{256} << 10);
    EXPECT_LE(source.nr_reads(), octets.size() + 1000);
    for (const Finding& finding : report.findings) {
        EXPECT_EQ(finding.sentence.find("internal"), std::string::npos);
    }
    return report.restorable();
}

void expect_agreement(const Octets& octets)
{
    const bool decoded = decodes(octets);
    const bool verified = verifies(octets);
    EXPECT_TRUE(decoded || !verified) << "verify passes what a restore refuses";
}

/// Offsets of all octets in headers, record heads and the fixed starts of bodies.
std::vector<std::size_t> interesting_offsets(const Octets& octets)
{
    std::set<std::size_t> offsets;
    for (std::size_t i = 0; i < 40; ++i) {
        offsets.insert(i);
    }
    for (std::size_t at = 40; at < octets.size();) {
        const auto head = load<RecordHeader>(octets, at);
        const std::size_t end = at + 8 + head.length.value() + padding_of(head.length.value());
        for (std::size_t i = at; i < std::min(end, at + 8 + 96); ++i) {
            offsets.insert(i);
        }
        at = end;
    }
    return {offsets.begin(), offsets.end()};
}

class Hostile : public testing::TestWithParam<const char*> {};

TEST_P(Hostile, EveryTruncation)
{
    const Octets octets = golden(GetParam());
    const auto heads = interesting_offsets(octets);
    std::set<std::size_t> cuts(heads.begin(), heads.end());
    for (std::size_t n = 0; n < octets.size(); n += 127) {
        cuts.insert(n);  // page contents are all alike
    }
    for (const std::size_t n : cuts) {
        SCOPED_TRACE(n);
        const Octets cut(octets.data(), octets.data() + n);
        EXPECT_FALSE(decodes(cut));
        EXPECT_FALSE(verifies(cut));
    }
}

TEST_P(Hostile, EveryChangeOfOneOctet)
{
    const Octets octets = golden(GetParam());
    ASSERT_TRUE(decodes(octets));
    Octets changed = octets;
    for (const std::size_t at : interesting_offsets(octets)) {
        SCOPED_TRACE(at);
        const auto value = std::to_integer<unsigned>(octets[at]);
        std::set<unsigned> values{value ^ 0xffU, 0U, value + 1U, value - 1U};
        for (unsigned bit = 0; bit < 8; ++bit) {
            values.insert(value ^ 1U << bit);
        }
        for (const unsigned other : values) {
            changed[at] = static_cast<std::byte>(other & 0xffU);
            expect_agreement(changed);
        }
        changed[at] = octets[at];
    }
}

INSTANTIATE_TEST_SUITE_P(Streams, Hostile,
                         testing::Values("pv_stream.hex", "pv_stream_v2.hex", "pv32_stream.hex",
                                         "hvm_stream.hex"),
                         [](const auto& name) {
                             std::string text = name.param;
                             return text.substr(0, text.find('.'));
                         });

TEST(HostileContainer, EveryChangeOfOneOctetInItsHeads)
{
    const Octets octets = golden("xl_pv_file.hex");
    const std::size_t head = 48 + 15 + 16 + 8;
    Octets changed = octets;
    for (std::size_t i = 0; i < head + 8; ++i) {
        const std::size_t at = i < head ? i : octets.size() - 8 + (i - head);
        SCOPED_TRACE(at);
        for (unsigned value = 0; value < 256; value += i < 48 ? 1U : 5U) {
            changed[at] = static_cast<std::byte>(value);
            (void)verifies(changed);
        }
        changed[at] = octets[at];
    }
}

TEST(HostileContainer, EveryTruncationOfItsHeads)
{
    const Octets octets = golden("libxl_hvm_stream.hex");
    std::size_t n = 0;
    while (n < octets.size()) {
        SCOPED_TRACE(n);
        EXPECT_FALSE(verifies(Octets(octets.data(), octets.data() + n)));
        const bool is_amid_contents = n > 200 && octets.size() - n > 200;
        n += is_amid_contents ? 61U : 1U;
    }
}

}  // namespace
}  // namespace sr
