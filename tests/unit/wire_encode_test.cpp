// SPDX-License-Identifier: LGPL-2.1-or-later
// Encoders give the golden octets.
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

using test::error_of;
using test::golden;
using test::golden_body;

template <WireStruct T>
Octets octets(const T& layout)
{
    Octets all;
    append(all, layout);
    return all;
}

TEST(Encode, HeadersAreGolden)
{
    EXPECT_EQ(octets(encode_image_header()), golden("image_header.hex"));
    EXPECT_EQ(octets(encode_domain_header({DomainType::x86_pv, 4, 17})),
              golden("domain_header_pv.hex"));
    EXPECT_EQ(octets(encode_domain_header({DomainType::x86_hvm, 4, 9})),
              golden("domain_header_hvm.hex"));
    EXPECT_EQ(octets(encode_record_header(to_wire(RecordType::static_data_end), 0)),
              golden("static_data_end.hex"));
}

TEST(Encode, PageDataIsGolden)
{
    using enum PageType;
    const std::vector<PageEntry> entries{{Pfn{0}, notab}, {Pfn{1}, l4_pinned}, {Pfn{2}, l3},
                                         {Pfn{3}, l2},    {Pfn{4}, l1},        {Pfn{5}, notab},
                                         {Pfn{6}, xtab},  {Pfn{7}, xalloc},    {Pfn{8}, broken}};
    Octets room(page_data_list_length(entries.size()) + 100, std::byte{0xee});
    Octets expected = golden_body("page_data.hex");
    expected.resize(8 + 9 * 8);
    const auto filled = encode_page_data(room, entries);
    EXPECT_EQ(Octets(filled.begin(), filled.end()), expected);
    EXPECT_EQ(room[expected.size()], std::byte{0xee});
}

TEST(Encode, PageDataRefusesWhatDoesNotFit)
{
    Octets room(16);
    const std::vector<PageEntry> two(2, PageEntry{Pfn{0}, PageType::notab});
    EXPECT_EQ(error_of([&] { (void)encode_page_data(room, two); }), Errc::internal);
    EXPECT_EQ(error_of([&] { (void)encode_page_data(room, {}); }), Errc::internal);
    const std::vector<PageEntry> high(1, PageEntry{Pfn{std::uint64_t{1} << 52}, PageType::notab});
    EXPECT_EQ(error_of([&] { (void)encode_page_data(room, high); }), Errc::internal);
}

TEST(Encode, PvRecordsAreGolden)
{
    EXPECT_EQ(octets(encode_pv_info(GuestWidth::bits64)), golden_body("x86_pv_info.hex"));
    EXPECT_EQ(octets(encode_pv_info(GuestWidth::bits32)), golden_body("x86_pv_info_32.hex"));
    const Pfn one[] = {Pfn{0}};
    EXPECT_EQ(encode_p2m_frames(Pfn{0}, Pfn{15}, GuestWidth::bits64, one),
              golden_body("x86_pv_p2m_frames.hex"));
    const Pfn two[] = {Pfn{0x21}, Pfn{0x22}};
    EXPECT_EQ(encode_p2m_frames(Pfn{0x3ff}, Pfn{0x400}, GuestWidth::bits64, two),
              golden_body("x86_pv_p2m_frames_middle.hex"));
    EXPECT_EQ(error_of([&] { (void)encode_p2m_frames(Pfn{0}, Pfn{15}, GuestWidth::bits64, two); }),
              Errc::internal);
}

TEST(Encode, VcpuRecordsAreGolden)
{
    const VcpuMsr msrs[] = {{0xc001'1027, 0x1122'3344'5566'7788}, {0xc001'1019, 1}};
    Octets body = octets(encode_vcpu_header(0));
    const Octets blob = encode_vcpu_msrs(msrs);
    body.insert(body.end(), blob.begin(), blob.end());
    EXPECT_EQ(body, golden_body("x86_pv_vcpu_msrs.hex"));
    EXPECT_EQ(octets(encode_vcpu_header(0x0403'0201)), test::octets_of_hex("01 02 03 04 00*4"));
}

TEST(Encode, DomainRecordsAreGolden)
{
    EXPECT_EQ(octets(encode_tsc_info({2, 1'800'000, 0x0807'0605'0403'0201, 9})),
              golden_body("x86_tsc_info.hex"));
    const HvmParam params[] = {{1, 0xf'effc}, {17, 0x8000'0000'000f'efff}};
    EXPECT_EQ(encode_hvm_params(params), golden_body("hvm_params.hex"));
    const Pfn pfns[] = {Pfn{5}, Pfn{3}};
    EXPECT_EQ(encode_dirty_pfns(pfns), golden_body("checkpoint_dirty_pfn_list.hex"));
    const CpuidLeaf leaves[] = {{0, 0xffff'ffff, 13, 0x6874'7541, 0x444d'4163, 0x6974'6e65},
                                {4, 1, 0x0403'0201, 0x0807'0605, 0x0c0b'0a09, 0x100f'0e0d}};
    EXPECT_EQ(encode_cpuid_policy(leaves), golden_body("x86_cpuid_policy.hex"));
    const MsrEntry msrs[] = {{0xce, 0, 0x8000'0000}};
    EXPECT_EQ(encode_msr_policy(msrs), golden_body("x86_msr_policy.hex"));
}

}  // namespace
}  // namespace sr
