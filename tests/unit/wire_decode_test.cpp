// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoders on golden octets, on every truncation, and with each field out of its range.
#include "libsr/wire/decode.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace sr {
namespace {

using test::error_of;
using test::golden;
using test::golden_body;
using test::message_of;
using test::octets_of_hex;

/// A copy with other octets at an offset.
Octets with(Octets octets, std::size_t at, const std::string& hex)
{
    const Octets other = octets_of_hex(hex);
    std::copy(other.begin(), other.end(), octets.begin() + static_cast<std::ptrdiff_t>(at));
    return octets;
}

/// The pfn list of a golden PAGE_DATA body, without contents.
Octets list_of(const std::string& name, std::size_t nr_entries)
{
    Octets body = golden_body(name);
    body.resize(8 + nr_entries * 8);
    return body;
}

/// A heap copy of exactly the first n octets, so that AddressSanitizer sees any over-read.
Octets cut(const Octets& octets, std::size_t n)
{
    return {octets.data(), octets.data() + n};
}

constexpr Pfn max_pfn{15};
constexpr Pfn any_pfn{limits::pfn_max};

TEST(DecodeImageHeader, KnowsVersions2And3)
{
    EXPECT_EQ(decode_image_header(golden("image_header.hex")).version, 3U);
    EXPECT_EQ(decode_image_header(golden("image_header_v2.hex")).version, 2U);
}

TEST(DecodeImageHeader, RefusesWhatItCannotRead)
{
    const Octets good = golden("image_header.hex");
    EXPECT_EQ(error_of([&] { (void)decode_image_header(with(good, 3, "7f")); }), Errc::unsupported);
    EXPECT_EQ(error_of([&] { (void)decode_image_header(with(good, 8, "00")); }), Errc::malformed);
    EXPECT_EQ(error_of([&] { (void)decode_image_header(with(good, 15, "01")); }),
              Errc::unsupported);
    EXPECT_EQ(error_of([&] { (void)decode_image_header(with(good, 15, "04")); }),
              Errc::unsupported);
    EXPECT_EQ(error_of([&] { (void)decode_image_header(with(good, 17, "01")); }),
              Errc::unsupported);
}

TEST(DecodeImageHeader, IgnoresWhatIsReserved)
{
    const Octets odd = with(golden("image_header.hex"), 16, "80 02 01 02 03 04 05 06");
    EXPECT_EQ(decode_image_header(odd).version, 3U);
}

TEST(DecodeImageHeader, SaysWhatToDoWithALegacyImage)
{
    const Octets legacy(24, std::byte{0});
    EXPECT_NE(message_of([&] { (void)decode_image_header(legacy); }).find("convert-legacy-stream"),
              std::string::npos);
}

TEST(DecodeDomainHeader, KnowsPvAndHvm)
{
    const DomainHeader pv = decode_domain_header(golden("domain_header_pv.hex"));
    EXPECT_EQ(pv.type, DomainType::x86_pv);
    EXPECT_EQ(pv.xen_major, 4U);
    EXPECT_EQ(pv.xen_minor, 17U);
    EXPECT_EQ(decode_domain_header(golden("domain_header_hvm.hex")).type, DomainType::x86_hvm);
}

TEST(DecodeDomainHeader, RefusesEachFieldOutOfRange)
{
    const Octets good = golden("domain_header_pv.hex");
    for (const char* type : {"00 00 00 00", "03 00 00 00", "01 00 00 80"}) {
        EXPECT_EQ(error_of([&] { (void)decode_domain_header(with(good, 0, type)); }),
                  Errc::malformed);
    }
    // 44: 1U << 44 is 4096 again on x86, which is how libxc comes to take it.
    for (const char* shift : {"00 00", "0b 00", "0d 00", "2c 00", "0c 01"}) {
        EXPECT_EQ(error_of([&] { (void)decode_domain_header(with(good, 4, shift)); }),
                  Errc::malformed);
    }
    EXPECT_EQ(error_of([&] { (void)decode_domain_header(with(good, 6, "ff ff")); }), std::nullopt);
}

TEST(DecodePageData, ReadsEveryType)
{
    using enum PageType;
    const std::vector<PageEntry> expected{{Pfn{0}, notab}, {Pfn{1}, l4_pinned}, {Pfn{2}, l3},
                                          {Pfn{3}, l2},    {Pfn{4}, l1},        {Pfn{5}, notab},
                                          {Pfn{6}, xtab},  {Pfn{7}, xalloc},    {Pfn{8}, broken}};
    EXPECT_EQ(decode_page_data(list_of("page_data.hex", 9), max_pfn), expected);
    const std::vector<PageEntry> others{{Pfn{1}, l4},
                                        {Pfn{2}, l3_pinned},
                                        {Pfn{3}, l2_pinned},
                                        {Pfn{4}, l1_pinned},
                                        {Pfn{0xff'ffff'ffff}, notab}};
    EXPECT_EQ(decode_page_data(list_of("page_data_types.hex", 5), any_pfn), others);
}

TEST(DecodePageData, ComputesItsLength)
{
    const auto entries = decode_page_data(list_of("page_data.hex", 9), max_pfn);
    EXPECT_EQ(page_data_length(entries), golden_body("page_data.hex").size());
}

TEST(DecodePageData, RefusesEveryTruncation)
{
    const Octets whole = list_of("page_data.hex", 9);
    ASSERT_EQ(decode_page_data(whole, max_pfn).size(), 9U);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        SCOPED_TRACE(n);
        EXPECT_EQ(error_of([&] { (void)decode_page_data(cut(whole, n), max_pfn); }),
                  Errc::malformed);
    }
    Octets longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(error_of([&] { (void)decode_page_data(longer, max_pfn); }), Errc::malformed);
}

TEST(DecodePageData, RefusesUnknownTypes)
{
    for (const char* word : {"50", "60", "70", "80"}) {
        const Octets odd = with(list_of("page_data.hex", 9), 8 + 7, word);
        EXPECT_EQ(error_of([&] { (void)decode_page_data(odd, max_pfn); }), Errc::malformed) << word;
    }
}

TEST(DecodePageData, RefusesPfnsAboveTheHighest)
{
    const Octets list = list_of("page_data.hex", 9);
    EXPECT_EQ(decode_page_data(list, Pfn{8}).size(), 9U);
    EXPECT_EQ(error_of([&] { (void)decode_page_data(list, Pfn{7}); }), Errc::malformed);
    // The highest bit of the pfn field, and the lowest reserved one, which is ignored.
    EXPECT_EQ(error_of([&] { (void)decode_page_data(with(list, 8 + 6, "08"), any_pfn); }),
              Errc::malformed);
    EXPECT_EQ(decode_page_data(with(list, 8 + 6, "f0 0f"), max_pfn)[0].pfn, Pfn{0});
}

TEST(DecodePageData, NamesThePfn)
{
    try {
        (void)decode_page_data(list_of("page_data.hex", 9), Pfn{7});
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.pfn(), 8U);
    }
}

TEST(DecodePageData, RefusesCountsThatDoNotFit)
{
    const Octets list = list_of("page_data.hex", 9);
    for (const char* count :
         {"00 00 00 00", "0a 00 00 00", "08 00 00 00", "ff ff ff ff", "00 00 00 20"}) {
        EXPECT_EQ(error_of([&] { (void)decode_page_data(with(list, 0, count), max_pfn); }),
                  Errc::malformed)
            << count;
    }
}

TEST(DecodePageData, BoundsWhatAListMayCost)
{
    PageDataHeader header{};
    header.count = 0x10'0000;
    EXPECT_EQ(decode_page_data_header(header, limits::record_length_max), 0x10'0000U);
    header.count = 1;
    EXPECT_EQ(decode_page_data_header(header, 16), 1U);
    EXPECT_EQ(error_of([&] { (void)decode_page_data_header(header, 15); }), Errc::malformed);
    header.count = 0x10'0001;
    EXPECT_EQ(error_of([&] { (void)decode_page_data_header(header, limits::record_length_max); }),
              Errc::limit);
}

TEST(DecodePvInfo, KnowsBothWidths)
{
    EXPECT_EQ(decode_pv_info(golden_body("x86_pv_info.hex")), GuestWidth::bits64);
    EXPECT_EQ(decode_pv_info(golden_body("x86_pv_info_32.hex")), GuestWidth::bits32);
}

TEST(DecodePvInfo, RefusesOtherCombinations)
{
    const Octets good = golden_body("x86_pv_info.hex");
    for (const char* pair : {"08 03", "04 04", "00 04", "08 05", "08 00", "10 04"}) {
        EXPECT_EQ(error_of([&] { (void)decode_pv_info(with(good, 0, pair)); }), Errc::malformed)
            << pair;
    }
    EXPECT_EQ(decode_pv_info(with(good, 2, "01 02 03 04 05 06")), GuestWidth::bits64);
}

TEST(DecodeP2mFrames, ReadsFromTheFirstFrame)
{
    const Octets body = golden_body("x86_pv_p2m_frames.hex");
    const P2mFrames frames = decode_p2m_frames(body, GuestWidth::bits64);
    EXPECT_EQ(frames.first(), Pfn{0});
    EXPECT_EQ(frames.last(), Pfn{15});
    EXPECT_EQ(frames.first_frame(), 0U);
    ASSERT_EQ(frames.nr_frames(), 1U);
    EXPECT_EQ(frames.frame(0), Pfn{0});
}

TEST(DecodeP2mFrames, CountsFramesByTheGuestsWidth)
{
    const Octets body = golden_body("x86_pv_p2m_frames_middle.hex");
    const P2mFrames frames = decode_p2m_frames(body, GuestWidth::bits64);
    EXPECT_EQ(frames.first_frame(), 1U);
    ASSERT_EQ(frames.nr_frames(), 2U);
    EXPECT_EQ(frames.frame(0), Pfn{0x21});
    EXPECT_EQ(frames.frame(1), Pfn{0x22});
    // 1024 entries in a frame of a 32-bit guest: 0x3ff is in frame 0, 0x400 in frame 1.
    EXPECT_EQ(decode_p2m_frames(body, GuestWidth::bits32).first_frame(), 0U);
}

TEST(DecodeP2mFrames, RefusesWrongRangesAndLengths)
{
    const Octets body = golden_body("x86_pv_p2m_frames_middle.hex");
    const auto refuses = [](const Octets& octets) {
        return error_of([&] { (void)decode_p2m_frames(octets, GuestWidth::bits64); }) ==
               Errc::malformed;
    };
    for (std::size_t n = 0; n < body.size(); ++n) {
        EXPECT_TRUE(refuses(cut(body, n))) << n;
    }
    Octets longer = body;
    longer.push_back(std::byte{0});
    EXPECT_TRUE(refuses(longer));
    EXPECT_TRUE(refuses(with(body, 0, "01 04 00 00")));  // starts after its end
    EXPECT_TRUE(refuses(with(golden_body("x86_pv_p2m_frames.hex"), 0, "10")));
    EXPECT_TRUE(refuses(with(body, 4, "00 06 00 00")));              // one frame too few
    EXPECT_TRUE(refuses(with(body, 0, "00 00 00 00 ff ff ff ff")));  // 8 million frames too few
    EXPECT_TRUE(refuses(with(body, 12, "01")));                      // a frame above 32 bits
}

struct VcpuCase {
    RecordType type;
    const char* golden;
};

class DecodeVcpu : public testing::TestWithParam<VcpuCase> {};

TEST_P(DecodeVcpu, ReadsIdAndBlob)
{
    const Octets body = golden_body(GetParam().golden);
    const VcpuBlob vcpu = decode_vcpu(GetParam().type, body, GuestWidth::bits64, 1);
    EXPECT_EQ(vcpu.vcpu_id, 0U);
    EXPECT_EQ(vcpu.blob.data(), body.data() + 8);
    EXPECT_EQ(vcpu.blob.size(), body.size() - 8);
}

TEST_P(DecodeVcpu, RefusesIdsTheDomainHasNot)
{
    const Octets good = golden_body(GetParam().golden);
    const Octets odd = with(good, 0, "03 00 00 00");
    const auto decode = [&](std::uint32_t nr_vcpus) {
        return decode_vcpu(GetParam().type, odd, GuestWidth::bits64, nr_vcpus);
    };
    EXPECT_EQ(decode(4).vcpu_id, 3U);
    EXPECT_EQ(error_of([&] { (void)decode(3); }), Errc::malformed);
    const Octets highest = with(good, 0, "ff ff ff ff");
    EXPECT_EQ(error_of([&] {
                  (void)decode_vcpu(GetParam().type, highest, GuestWidth::bits64,
                                    limits::vcpus_max);
              }),
              Errc::malformed);
}

TEST_P(DecodeVcpu, ToleratesNoContent)
{
    const Octets empty = cut(golden_body(GetParam().golden), 8);
    EXPECT_TRUE(decode_vcpu(GetParam().type, empty, GuestWidth::bits64, 1).blob.empty());
    for (std::size_t n = 0; n < 8; ++n) {
        EXPECT_EQ(error_of([&] {
                      (void)decode_vcpu(GetParam().type, cut(empty, n), GuestWidth::bits64, 1);
                  }),
                  Errc::malformed)
            << n;
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, DecodeVcpu,
    testing::Values(VcpuCase{RecordType::x86_pv_vcpu_basic, "x86_pv_vcpu_basic.hex"},
                    VcpuCase{RecordType::x86_pv_vcpu_extended, "x86_pv_vcpu_extended.hex"},
                    VcpuCase{RecordType::x86_pv_vcpu_xsave, "x86_pv_vcpu_xsave.hex"},
                    VcpuCase{RecordType::x86_pv_vcpu_msrs, "x86_pv_vcpu_msrs.hex"}),
    [](const auto& case_info) { return std::string{name_of(case_info.param.type)}; });

/// Whether a vCPU record with a blob of this length decodes.
bool takes_blob(RecordType type, std::size_t length, GuestWidth width = GuestWidth::bits64)
{
    const Octets body(8 + length);
    return !error_of([&] { (void)decode_vcpu(type, body, width, 1); });
}

TEST(DecodeVcpuBlob, KnowsTheLengthOfEachKind)
{
    using enum RecordType;
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_basic, 5168));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_basic, 5167));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_basic, 5169));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_basic, 2800));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_basic, 2800, GuestWidth::bits32));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_basic, 5168, GuestWidth::bits32));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_extended, 1));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_extended, 128));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_extended, 129));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_xsave, 15));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_xsave, 16));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_xsave, limits::vcpu_xsave_length_max));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_xsave, limits::vcpu_xsave_length_max + 1));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_msrs, 15));
    EXPECT_TRUE(takes_blob(x86_pv_vcpu_msrs, 16));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_msrs, 17));
    EXPECT_FALSE(takes_blob(x86_pv_vcpu_msrs, (limits::vcpu_msrs_max + 1) * 16));
}

TEST(DecodeVcpuMsrs, ReadsEach)
{
    Octets blob = golden_body("x86_pv_vcpu_msrs.hex");
    blob.erase(blob.begin(), blob.begin() + 8);
    const std::vector<VcpuMsr> expected{{0xc001'1027, 0x1122'3344'5566'7788}, {0xc001'1019, 1}};
    EXPECT_EQ(decode_vcpu_msrs(blob), expected);
}

TEST(DecodeTscInfo, ReadsItsFields)
{
    const TscInfo expected{2, 1'800'000, 0x0807'0605'0403'0201, 9};
    EXPECT_EQ(decode_tsc_info(golden_body("x86_tsc_info.hex")), expected);
}

TEST(DecodeTscInfo, RefusesUnknownModes)
{
    const Octets good = golden_body("x86_tsc_info.hex");
    EXPECT_EQ(decode_tsc_info(with(good, 0, "03")).mode, 3U);
    EXPECT_EQ(error_of([&] { (void)decode_tsc_info(with(good, 0, "04")); }), Errc::malformed);
    EXPECT_EQ(decode_tsc_info(with(good, 4, "00 84 d7 17")).khz, 400'000'000U);
    EXPECT_EQ(error_of([&] { (void)decode_tsc_info(with(good, 4, "01 84 d7 17")); }), Errc::limit);
    // What old hypervisors never return from.
    EXPECT_EQ(error_of([&] { (void)decode_tsc_info(with(good, 4, "00 00 00 20")); }), Errc::limit);
}

TEST(DecodeHvmParams, ReadsEach)
{
    const std::vector<HvmParam> expected{{1, 0xf'effc}, {17, 0x8000'0000'000f'efff}};
    EXPECT_EQ(decode_hvm_params(golden_body("hvm_params.hex")), expected);
    EXPECT_TRUE(decode_hvm_params(golden_body("hvm_params_empty.hex")).empty());
}

TEST(DecodeHvmParams, RefusesCountsThatDoNotFit)
{
    const Octets good = golden_body("hvm_params.hex");
    // 0x10000002 * 16 is 0x20 once more in 32 bits.
    for (const char* count : {"01 00 00 00", "03 00 00 00", "02 00 00 10", "ff ff ff ff"}) {
        EXPECT_EQ(error_of([&] { (void)decode_hvm_params(with(good, 0, count)); }), Errc::malformed)
            << count;
    }
}

TEST(DecodeDirtyPfns, ReadsEach)
{
    const Octets body = golden_body("checkpoint_dirty_pfn_list.hex");
    EXPECT_EQ(decode_dirty_pfns(body, Pfn{5}), (std::vector<Pfn>{Pfn{5}, Pfn{3}}));
    EXPECT_EQ(error_of([&] { (void)decode_dirty_pfns(body, Pfn{4}); }), Errc::malformed);
}

TEST(DecodePolicies, ReadEachEntry)
{
    const std::vector<CpuidLeaf> leaves{{0, 0xffff'ffff, 13, 0x6874'7541, 0x444d'4163, 0x6974'6e65},
                                        {4, 1, 0x0403'0201, 0x0807'0605, 0x0c0b'0a09, 0x100f'0e0d}};
    EXPECT_EQ(decode_cpuid_policy(golden_body("x86_cpuid_policy.hex")), leaves);
    EXPECT_EQ(decode_msr_policy(golden_body("x86_msr_policy.hex")),
              (std::vector<MsrEntry>{{0xce, 0, 0x8000'0000}}));
}

TEST(DecodePolicies, RefuseTooManyEntries)
{
    const Octets leaves((limits::cpuid_leaves_max + 1) * 24);
    EXPECT_EQ(error_of([&] { (void)decode_cpuid_policy(leaves); }), Errc::limit);
    const Octets msrs((limits::msr_entries_max + 1) * 16);
    EXPECT_EQ(error_of([&] { (void)decode_msr_policy(msrs); }), Errc::limit);
}

/// Records whose body has one length, or a multiple of a stride of at least `least` octets.
struct LengthCase {
    const char* golden;
    std::function<void(const Octets&)> decode;
    std::size_t stride = 0;
    std::size_t least = 0;
};

TEST(DecodeAll, RefuseEveryTruncationAndOneOctetTooMany)
{
    const LengthCase cases[] = {
        {"x86_pv_info.hex", [](const Octets& o) { (void)decode_pv_info(o); }},
        {"x86_tsc_info.hex", [](const Octets& o) { (void)decode_tsc_info(o); }},
        {"shared_info.hex", [](const Octets& o) { (void)decode_shared_info(o); }},
        {"hvm_params.hex", [](const Octets& o) { (void)decode_hvm_params(o); }},
        {"hvm_context.hex", [](const Octets& o) { (void)decode_hvm_context(o); }, 1, 1},
        {"x86_cpuid_policy.hex", [](const Octets& o) { (void)decode_cpuid_policy(o); }, 24, 24},
        {"x86_msr_policy.hex", [](const Octets& o) { (void)decode_msr_policy(o); }, 16, 16},
        {"checkpoint_dirty_pfn_list.hex",
         [](const Octets& o) { (void)decode_dirty_pfns(o, any_pfn); }, 8, 0},
        {"end.hex", [](const Octets& o) { decode_empty(RecordType::end, o); }},
        {"verify.hex", [](const Octets& o) { decode_empty(RecordType::verify, o); }},
    };
    for (const LengthCase& c : cases) {
        SCOPED_TRACE(c.golden);
        Octets body = golden_body(c.golden);
        EXPECT_EQ(error_of([&] { c.decode(body); }), std::nullopt);
        const std::size_t whole = body.size();
        body.push_back(std::byte{0});
        for (std::size_t n = 0; n <= body.size(); ++n) {
            const bool fits = c.stride == 0 ? n == whole : n % c.stride == 0 && n >= c.least;
            EXPECT_EQ(error_of([&] { c.decode(cut(body, n)); }),
                      fits ? std::nullopt : std::optional{Errc::malformed})
                << n;
        }
    }
}

TEST(DecodeHeaders, RefuseEveryTruncationAndOneOctetTooMany)
{
    Octets image = golden("image_header.hex");
    Octets domain = golden("domain_header_pv.hex");
    image.push_back(std::byte{0});
    domain.push_back(std::byte{0});
    for (std::size_t n = 0; n <= image.size(); ++n) {
        EXPECT_EQ(error_of([&] { (void)decode_image_header(cut(image, n)); }) == Errc::malformed,
                  n != 24);
    }
    for (std::size_t n = 0; n <= domain.size(); ++n) {
        EXPECT_EQ(error_of([&] { (void)decode_domain_header(cut(domain, n)); }) == Errc::malformed,
                  n != 16);
    }
}

}  // namespace
}  // namespace sr
