// SPDX-License-Identifier: LGPL-2.1-or-later
// vCPU contexts of both widths, out and in, and each thing a hostile one can name.
#include "libsr/mem/vcpu_context.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

constexpr std::uint64_t none = ~std::uint64_t{0};

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

/// A context whose start_info, GDT frames, cr3 and, if it has one, cr1 are `frame(0)`, `frame(1)`,
/// `frame(2)`, `frame(3)`, `frame(4)`.
template <typename FrameOf>
Octets context_of(const GuestAbi& abi, FrameOf&& frame, bool user = true)
{
    Octets context(abi.vcpu.length_octets, std::byte{0xee});
    const auto set = [&](Field field, std::uint64_t value) { store_field(context, field, value); };
    set(abi.vcpu.flags, 0x4);
    set(abi.vcpu.dx, frame(0));
    set(abi.vcpu.gdt_frames, frame(1));
    set(element(abi.vcpu.gdt_frames, 1), frame(2));
    set(element(abi.vcpu.gdt_frames, 2), 0xdead);  // past the GDT's end
    set(abi.vcpu.gdt_ents, 513);
    set(element(abi.vcpu.ctrlreg, 3), abi.cr3_of_frame(frame(3)));
    set(element(abi.vcpu.ctrlreg, 1), abi.has_user_cr3 && user ? abi.cr3_of_frame(frame(4)) : 0);
    return context;
}

/// pfn n is mfn 0x10 + n, for n up to 7.
class VcpuOut : public testing::Test {
protected:
    static std::uint64_t mfn(unsigned n) { return 0x10 + n; }
    static std::uint64_t pfn(unsigned n) { return n; }

    static Octets m2p_octets_of()
    {
        std::vector<std::uint64_t> entries(0x10, none);
        for (std::uint64_t n = 0; n < 8; ++n) {
            entries.push_back(n);
        }
        return octets_of_numbers(entries, 8);
    }
    Octets m2p_octets = m2p_octets_of();
    Octets leaf64 = octets_of_numbers({0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17}, 8);
    Octets leaf32 = octets_of_numbers({0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17}, 4);
    M2p m2p{m2p_octets};
    GuestP2m p2m64{long64, leaf64, Pfn{7}};
    GuestP2m p2m32{pae32, leaf32, Pfn{7}};
    FrameTranslator to64{m2p, p2m64};
    FrameTranslator to32{m2p, p2m32};
};

TEST_F(VcpuOut, FramesBecomePfnsAndNothingElseChanges)
{
    Octets context = context_of(long64, mfn);
    normalise_vcpu_context(context, 0, long64, to64);
    Octets wanted = context_of(long64, pfn);
    store_field(wanted, element(long64.vcpu.ctrlreg, 1), 0x4001);  // pfn 4, and bit 0
    EXPECT_EQ(context, wanted);
}

TEST_F(VcpuOut, A32BitGuestHasItsOwnLayoutAndNoCr1)
{
    Octets context = context_of(pae32, mfn);
    store_field(context, element(pae32.vcpu.ctrlreg, 1), 0x999'9000);
    normalise_vcpu_context(context, 0, pae32, to32);
    Octets wanted = context_of(pae32, pfn);
    store_field(wanted, element(pae32.vcpu.ctrlreg, 1), 0x999'9000);
    EXPECT_EQ(context, wanted);
}

TEST_F(VcpuOut, TheTablesItRunsOnAreThoseOfItsControlRegisters)
{
    EXPECT_EQ(tables_of(context_of(long64, mfn), long64), (std::vector{Mfn{0x13}, Mfn{0x14}}));
    EXPECT_EQ(tables_of(context_of(long64, mfn, false), long64), std::vector{Mfn{0x13}});
    Octets narrow = context_of(pae32, mfn);
    EXPECT_EQ(tables_of(narrow, pae32), std::vector{Mfn{0x13}});
    store_field(narrow, element(pae32.vcpu.ctrlreg, 1), 0x999'9000);
    EXPECT_EQ(tables_of(narrow, pae32), std::vector{Mfn{0x13}}) << "there is no cr1";
}

TEST_F(VcpuOut, OnlyVcpu0HasAStartInfo)
{
    Octets context = context_of(long64, mfn);
    store_field(context, long64.vcpu.dx, 0x1234'5678'9abc);
    normalise_vcpu_context(context, 1, long64, to64);
    EXPECT_EQ(load_field(context, long64.vcpu.dx), 0x1234'5678'9abcU);
    EXPECT_EQ(load_field(context, long64.vcpu.gdt_frames), 1U);
}

TEST_F(VcpuOut, Cr1OfZeroStaysZero)
{
    Octets context = context_of(long64, mfn, false);
    normalise_vcpu_context(context, 0, long64, to64);
    EXPECT_EQ(load_field(context, element(long64.vcpu.ctrlreg, 1)), 0U);
}

TEST_F(VcpuOut, EveryFrameThatHasNoPfnIsNamed)
{
    struct Row {
        Field field;
        std::uint64_t value;
        const char* message;
    };
    for (const Row& row : {
             Row{long64.vcpu.dx, 0x99, "vcpu 0 start_info: mfn 0x99 has no entry in Xen's M2P"},
             Row{long64.vcpu.gdt_frames, 0x98,
                 "vcpu 0 GDT frame 0: mfn 0x98 has no entry in Xen's M2P"},
             Row{element(long64.vcpu.gdt_frames, 1), 0x1,
                 "vcpu 0 GDT frame 1: mfn 0x1 has no entry in Xen's M2P"},
             Row{element(long64.vcpu.ctrlreg, 3), 0x2000,
                 "vcpu 0 cr3: mfn 0x2 has no entry in Xen's M2P"},
             Row{element(long64.vcpu.ctrlreg, 1), 0x3000,
                 "vcpu 0 cr1: mfn 0x3 has no entry in Xen's M2P"},
             Row{long64.vcpu.gdt_ents, 7169, "vcpu 0: a GDT of 7169 entries, more than 7168"},
         }) {
        Octets context = context_of(long64, mfn);
        store_field(context, row.field, row.value);
        EXPECT_EQ(message_of([&] { normalise_vcpu_context(context, 0, long64, to64); }),
                  row.message);
    }
    Octets short_one(5167);
    EXPECT_EQ(error_of([&] { normalise_vcpu_context(short_one, 0, long64, to64); }),
              Errc::internal);
}

/// pfn n has mfn 0x80000 + n: 0 to 2 ordinary, 3 a pinned and 4 a plain table of the top level, 5
/// an L1; 6 was sent without a frame; 7 has a frame that was never sent.
RestoreP2m restored(const GuestAbi& abi)
{
    RestoreP2m p2m{abi, Pfn{7}};
    const bool wide = abi.levels == 4;
    const PageType types[] = {PageType::notab,
                              PageType::notab,
                              PageType::notab,
                              wide ? PageType::l4_pinned : PageType::l3_pinned,
                              wide ? PageType::l4 : PageType::l3,
                              PageType::l1,
                              PageType::notab};
    for (std::uint64_t n = 0; n < std::size(types); ++n) {
        p2m.set_type(Pfn{n}, types[n]);
    }
    for (const std::uint64_t n : {0U, 1U, 2U, 3U, 4U, 5U, 7U}) {
        p2m.set_mfn(Pfn{n}, Mfn{0x8'0000 + n});
    }
    return p2m;
}

/// As it leaves a saver.
Octets sent_context(const GuestAbi& abi)
{
    Octets context = context_of(abi, [](unsigned n) { return std::uint64_t{n}; });
    if (abi.has_user_cr3) {
        store_field(context, element(abi.vcpu.ctrlreg, 1), 0x4001);
    }
    return context;
}

TEST(VcpuIn, PfnsBecomeFramesAndTheVcpuOnline)
{
    for (const GuestAbi* abi : {&long64, &pae32}) {
        Octets context = sent_context(*abi);
        EXPECT_EQ(start_info_pfn(context, *abi), Pfn{0});
        localise_vcpu_context(context, 0, *abi, restored(*abi));
        Octets wanted = context_of(*abi, [](unsigned n) { return std::uint64_t{0x8'0000} + n; });
        store_field(wanted, abi->vcpu.flags, 0x24);
        EXPECT_EQ(context, wanted) << abi->levels;
    }
}

TEST(VcpuIn, OnlyVcpu0HasAStartInfo)
{
    Octets context = sent_context(long64);
    store_field(context, long64.vcpu.dx, 0x1234'5678'9abc);
    localise_vcpu_context(context, 1, long64, restored(long64));
    EXPECT_EQ(load_field(context, long64.vcpu.dx), 0x1234'5678'9abcU);
}

TEST(VcpuIn, AnEmptyGdtNeedsNoFrames)
{
    Octets context = sent_context(long64);
    store_field(context, long64.vcpu.gdt_ents, 0);
    store_field(context, long64.vcpu.gdt_frames, none);
    localise_vcpu_context(context, 1, long64, restored(long64));
    EXPECT_EQ(load_field(context, long64.vcpu.gdt_frames), none);
}

TEST(VcpuIn, EveryPfnIsChecked)
{
    struct Row {
        Field field;
        std::uint64_t value;
        const char* message;
    };
    const Field cr3 = element(long64.vcpu.ctrlreg, 3);
    const Field cr1 = element(long64.vcpu.ctrlreg, 1);
    for (const Row& row : {
             Row{long64.vcpu.dx, 8, "vcpu 0 start_info: pfn 0x8 is past the domain's highest pfn"},
             Row{long64.vcpu.dx, 5, "vcpu 0 start_info: pfn 0x5 is L1TAB, not NOTAB"},
             Row{long64.vcpu.dx, 6, "vcpu 0 start_info: pfn 0x6 has no frame"},
             Row{long64.vcpu.dx, 7,
                 "vcpu 0 start_info: pfn 0x7 is not in the stream, or a hole of it"},
             Row{long64.vcpu.gdt_frames, 3,
                 "vcpu 0 GDT frame 0: pfn 0x3 is L4TAB pinned, not NOTAB"},
             Row{element(long64.vcpu.gdt_frames, 1), none,
                 "vcpu 0 GDT frame 1: pfn 0xffffffffffffffff is past the domain's highest pfn"},
             Row{cr3, 0x0, "vcpu 0 cr3: pfn 0 is NOTAB, not L4TAB"},
             Row{cr3, 0x5000, "vcpu 0 cr3: pfn 0x5 is L1TAB, not L4TAB"},
             Row{cr3, none, "vcpu 0 cr3: pfn 0xfffffffffffff is past the domain's highest pfn"},
             Row{cr1, 0x2001, "vcpu 0 cr1: pfn 0x2 is NOTAB, not L4TAB"},
             Row{cr1, 0x3000, "vcpu 0 cr1: 0x3000 without bit 0, which marks it as a pfn"},
             Row{long64.vcpu.gdt_ents, 7169, "vcpu 0: a GDT of 7169 entries, more than 7168"},
             Row{long64.vcpu.gdt_ents, none,
                 "vcpu 0: a GDT of 18446744073709551615 entries, more than 7168"},
         }) {
        Octets context = sent_context(long64);
        store_field(context, row.field, row.value);
        EXPECT_EQ(message_of([&] { localise_vcpu_context(context, 0, long64, restored(long64)); }),
                  row.message);
        EXPECT_EQ(error_of([&] { localise_vcpu_context(context, 0, long64, restored(long64)); }),
                  Errc::malformed);
    }
}

TEST(VcpuIn, ALengthOfTheOtherWidthIsRefused)
{
    Octets context = sent_context(pae32);
    EXPECT_EQ(message_of([&] { localise_vcpu_context(context, 4, long64, restored(long64)); }),
              "vcpu 4: a context of 2800 octets, not 5168");
    Octets nothing;
    EXPECT_EQ(error_of([&] { localise_vcpu_context(nothing, 0, long64, restored(long64)); }),
              Errc::malformed);
}

TEST(P2mFrameMfns, AreThoseOfOrdinaryPages)
{
    const RestoreP2m p2m = restored(long64);
    EXPECT_EQ(p2m_frame_mfns(std::vector{Pfn{2}, Pfn{0}, Pfn{2}}, p2m),
              (std::vector{Mfn{0x8'0002}, Mfn{0x8'0000}, Mfn{0x8'0002}}));
    EXPECT_EQ(message_of([&] {
                  (void)p2m_frame_mfns(std::vector{Pfn{2}, Pfn{3}}, p2m);
              }),
              "p2m leaf 1: pfn 0x3 is L4TAB pinned, not NOTAB");
    EXPECT_EQ(message_of([&] { (void)p2m_frame_mfns(std::vector{Pfn{8}}, p2m); }),
              "p2m leaf 0: pfn 0x8 is past the domain's highest pfn");
}

}  // namespace
}  // namespace sr
