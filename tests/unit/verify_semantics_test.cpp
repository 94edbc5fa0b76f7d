// SPDX-License-Identifier: LGPL-2.1-or-later
// verify: well-formed streams that make no sense together: page tables, P2M frames, vCPUs.
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

TEST(VerifySemantics, FindsPageTablesThatCannotBeRestored)
{
    const auto found = [](std::size_t at, const char* hex) {
        Parts parts{"pv_stream.hex"};
        parts.change(RecordType::page_data, at, hex);
        return lines(parts.verify());
    };
    // Upstream defect C: a PTE past the highest pfn.
    EXPECT_EQ(found(page_at(4), "67 00 01"),
              Lines{"error semantic: L1TAB pfn 0x4: slot 0 (0x10067) holds pfn 0x10, which is past "
                    "the domain's highest pfn"});
    EXPECT_EQ(found(page_at(3), "e7 40 00").size(), 1U);  // a superpage
    EXPECT_EQ(
        found(page_at(1, std::size_t{256} * 8), "01"),
        Lines{"deviation semantic: L4TAB pinned pfn 0x1: slot 256 is Xen's own and not zero"});
    EXPECT_EQ(found(page_at(2), "67 50 00"),  // L3[0] names an ordinary page
              Lines{"error semantic: L3 table pfn 0x2: slot 0 names pfn 0x5, which is NOTAB and no "
                    "table of level 2"});
    EXPECT_EQ(found(page_at(2), "67 90 00"),
              Lines{"deviation semantic: L3 table pfn 0x2: slot 0 names pfn 0x9, which the stream "
                    "has without contents"});
    EXPECT_EQ(found(page_at(1, 8), "65 10 00"), Lines{});  // a table that maps itself
    EXPECT_EQ(found(page_at(3), "66 50 00"), Lines{});     // not present: anything goes
}

TEST(VerifySemantics, LooksOnlyAtTablesThatAreInUse)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::page_data, page_at(2), "67 50 00");  // L3[0] is wrong, as above,
    parts.change(RecordType::page_data, page_at(1), "66 20 00");  // but no L4 names the L3
    EXPECT_EQ(lines(parts.verify()), Lines{});
    // An L4 that is not pinned, but is the cr3.
    Parts cr3{"pv_stream.hex"};
    cr3.change(RecordType::page_data, 8 + 8 + 7, "40");
    EXPECT_EQ(lines(cr3.verify()), Lines{});
    cr3.change(RecordType::page_data, page_at(2), "67 50 00");
    EXPECT_EQ(lines(cr3.verify()).size(), 1U);
    // A table that was sent again: only the last counts.
    Parts again{"pv_stream.hex"};
    again.change(RecordType::page_data, page_at(2), "67 50 00");
    again.insert_before(RecordType::x86_tsc_info, golden("page_data.hex"));
    EXPECT_EQ(lines(again.verify()), Lines{});
}

// A 32-bit guest: Xen has entries of its own in the L2 of slot 3, which it validates as such.
TEST(VerifySemantics, FindsPaeTablesThatXenRefuses)
{
    const auto found = [](std::size_t at, const char* hex) {
        Parts parts{"pv32_stream.hex"};
        parts.change(RecordType::page_data, at, hex);
        return lines(parts.verify());
    };
    EXPECT_EQ(found(page_at(1, 24), "26"),
              Lines{"error semantic: L3 table pfn 0x1: slot 3 is empty, where Xen needs a table"});
    EXPECT_EQ(
        found(page_at(1, 24), "27 20"),
        Lines{
            "error semantic: L3 table pfn 0x1: slot 3 names pfn 0x2, which another slot names too: "
            "Xen has entries of its own in it"});
    EXPECT_EQ(found(8 + 3 * 8 + 7, "a0"), Lines{"error semantic: L3 table pfn 0x1: slot 3 names "
                                                "pfn 0x3, which is pinned: Xen has entries "
                                                "of its own in it"});
    EXPECT_EQ(found(page_at(3, 428 * 8), "67 40"),
              Lines{"deviation semantic: L2TAB pfn 0x3: slot 428 is Xen's own and not zero"});
    EXPECT_EQ(found(page_at(2, 428 * 8), "67 40"), Lines{}) << "the guest's own in any other L2";
    EXPECT_EQ(found(page_at(1, 4 * 8), "01"),
              Lines{"deviation semantic: L3TAB pinned pfn 0x1: slot 4 is Xen's own and not zero"});
    EXPECT_EQ(found(page_at(1), "27 40"), Lines{"error semantic: L3 table pfn 0x1: slot 0 names "
                                                "pfn 0x4, which is L1TAB and no table of "
                                                "level 2"});
    EXPECT_EQ(found(8 + 1 * 8 + 7, "c0").front(),
              "error semantic: L4TAB pinned pfn 0x1 is no page table of this guest");
}

TEST(VerifySemantics, ReadsTheRegistersOfA32BitGuest)
{
    const auto found = [](std::size_t at, const char* hex) {
        Parts parts{"pv32_stream.hex"};
        parts.change(RecordType::x86_pv_vcpu_basic, 8 + at, hex);
        return lines(parts.verify());
    };
    EXPECT_EQ(found(2728, "00 20"),
              Lines{"error semantic: vcpu 0 cr3: pfn 0x2 is L2TAB, not L3TAB"});
    EXPECT_EQ(found(2728, "01 10"),
              Lines{"error semantic: vcpu 0 cr3: pfn 0x100001 is past the domain's highest "
                    "pfn"});
    EXPECT_EQ(found(2720, "01 10"), Lines{}) << "there is no cr1";
    EXPECT_EQ(found(524, "04").size(), 1U) << "start_info is a table";
    EXPECT_EQ(found(2704, "01 02"), Lines{}) << "a GDT of two frames, both pfn 0";
    EXPECT_EQ(found(2704, "01 1c").size(), 1U) << "7169 entries";
}

TEST(VerifySemantics, FindsP2mFramesThatAreNoMemory)
{
    const auto found = [](const char* hex) {
        Parts parts{"pv_stream.hex"};
        parts.change(RecordType::x86_pv_p2m_frames, 8, hex);
        return lines(parts.verify());
    };
    EXPECT_EQ(found("05"), Lines{});
    EXPECT_EQ(
        found("04"),
        Lines{
            "error semantic: X86_PV_P2M_FRAMES: entry 0 names pfn 0x4, which is no ordinary page"});
    EXPECT_EQ(
        found("06"),
        Lines{
            "error semantic: X86_PV_P2M_FRAMES: entry 0 names pfn 0x6, which is no ordinary page"});
    EXPECT_EQ(found("10"), Lines{"error semantic: X86_PV_P2M_FRAMES: entry 0 names pfn 0x10, which "
                                 "is above the domain's highest"});
}

TEST(VerifySemantics, TakesTheP2mFramesThatComeLast)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::x86_pv_p2m_frames, 8, "04");
    parts.insert_before(RecordType::shared_info, golden("x86_pv_p2m_frames.hex"));
    const VerifyReport report = parts.verify();
    EXPECT_EQ(lines(report), Lines{});
    EXPECT_EQ(report.summary.p2m_frames, 1U);
}

TEST(VerifySemantics, FindsAGapInTheP2mFrames)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::x86_pv_p2m_frames, 0, "00 02 00 00 0f 02 00 00");
    EXPECT_TRUE(std::ranges::any_of(lines(parts.verify()), [](const std::string& line) {
        return line == "error semantic: X86_PV_P2M_FRAMES: from entry 1 on, but none for those "
                       "from 0 on";
    }));
}

TEST(VerifySemantics, FindsVcpusThatCannotBeRestored)
{
    const auto found = [](RecordType type, std::size_t at, const char* hex) {
        Parts parts{"pv_stream.hex"};
        parts.change(type, 8 + at, hex);
        return lines(parts.verify());
    };
    using enum RecordType;
    EXPECT_EQ(found(x86_pv_vcpu_basic, 5008, "00 20").size(), 1U);  // cr3 is no L4
    EXPECT_EQ(found(x86_pv_vcpu_basic, 4992, "01 10"), Lines{});    // cr1 is the L4
    EXPECT_EQ(found(x86_pv_vcpu_basic, 4992, "01 20").size(), 1U);  // cr1 is no L4
    EXPECT_EQ(found(x86_pv_vcpu_basic, 616, "04").size(), 1U);      // start_info is a table
    EXPECT_EQ(found(x86_pv_vcpu_basic, 616, "ff ff ff ff ff ff ff ff").size(), 1U);
    EXPECT_EQ(found(x86_pv_vcpu_basic, 4960, "01"), Lines{});       // a GDT in pfn 0
    EXPECT_EQ(found(x86_pv_vcpu_basic, 4960, "01 02").size(), 0U);  // two frames of it
    EXPECT_EQ(found(x86_pv_vcpu_basic, 4960, "01 1c").size(), 1U);  // 7169 entries
    EXPECT_EQ(
        found(x86_pv_vcpu_extended, 0, "01"),
        Lines{"error semantic: X86_PV_VCPU_EXTENDED: of vCPU 0, but its context says vCPU 1"});
    EXPECT_EQ(found(x86_pv_vcpu_extended, 4, "41").size(), 1U);
    EXPECT_EQ(
        found(x86_pv_vcpu_xsave, 0, "0f"),
        Lines{
            "deviation semantic: X86_PV_VCPU_XSAVE: vCPU 0 uses states that its xcr0_accum lacks"});
}

TEST(VerifySemantics, FindsThatVcpu0IsMissing)
{
    Parts parts{"pv_stream.hex"};
    for (const RecordType type : {RecordType::x86_pv_vcpu_basic, RecordType::x86_pv_vcpu_extended,
                                  RecordType::x86_pv_vcpu_xsave, RecordType::x86_pv_vcpu_msrs}) {
        parts.change(type, 0, "01");
    }
    parts.change(RecordType::x86_pv_vcpu_extended, 8, "01");
    expect_one(parts.verify(), "error semantic: vCPU 0 has no X86_PV_VCPU_BASIC");
}

TEST(VerifySemantics, FindsRepeatedAndEmptyVcpuRecords)
{
    Parts parts{"pv_stream.hex"};
    parts.insert_before(RecordType::end, golden("x86_pv_vcpu_msrs.hex"));
    parts.insert_before(RecordType::end, octets_of_hex("05 00 00 00 08 00 00 00 00*8"));
    EXPECT_EQ(
        lines(parts.verify()),
        (Lines{
            "deviation semantic: X86_PV_VCPU_MSRS: comes a second time for vCPU 0",
            "deviation semantic: X86_PV_VCPU_EXTENDED: has no content and should not be there"}));
}

TEST(VerifySemantics, FindsASharedInfoOfAnotherSize)
{
    Parts parts{"pv_stream.hex"};
    parts.change(RecordType::shared_info, 3088, "0f");
    expect_one(parts.verify(), "deviation semantic: SHARED_INFO: the guest's p2m has 15 entries, "
                               "X86_PV_P2M_FRAMES covers 16");
}

}  // namespace
}  // namespace sr
