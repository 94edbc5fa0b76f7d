// SPDX-License-Identifier: LGPL-2.1-or-later
// M2P and p2m: ends of tables, entries that are no frames, and the two that must agree.
#include "libsr/mem/p2m.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

constexpr std::uint64_t none = ~std::uint64_t{0};

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

TEST(M2p, AnswersWhatItsEntriesSay)
{
    const Octets octets = octets_of_numbers({7, none, none - 1, 0}, 8);
    const M2p m2p{octets};
    EXPECT_EQ(m2p.nr_entries(), 4U);
    EXPECT_EQ(m2p.pfn_of(Mfn{0}), Pfn{7});
    EXPECT_EQ(m2p.pfn_of(Mfn{1}), std::nullopt) << "INVALID";
    EXPECT_EQ(m2p.pfn_of(Mfn{2}), std::nullopt) << "SHARED";
    EXPECT_EQ(m2p.pfn_of(Mfn{3}), Pfn{0});
}

// upstream.md, defect F: the stock engine takes XENMEM_maximum_ram_page for an inclusive maximum,
// and reads one entry past a table of exactly that many.
TEST(M2p, DefectF_NeverReadsPastItsEnd)
{
    const Octets octets = octets_of_numbers({1, 2, 3, 4}, 8);
    const M2p m2p{octets};
    EXPECT_EQ(m2p.pfn_of(Mfn{3}), Pfn{4});
    EXPECT_EQ(m2p.pfn_of(Mfn{4}), std::nullopt);
    EXPECT_EQ(m2p.pfn_of(Mfn{none}), std::nullopt);
    EXPECT_EQ(m2p.pfn_of(Mfn{std::uint64_t{1} << 61}), std::nullopt) << "times 8 is 0";
}

TEST(M2p, DefectF_LeavesOutAnIncompleteLastEntry)
{
    Octets octets = octets_of_numbers({1, 2}, 8);
    octets.resize(15);
    octets.shrink_to_fit();
    const M2p m2p{octets};
    EXPECT_EQ(m2p.nr_entries(), 1U);
    EXPECT_EQ(m2p.pfn_of(Mfn{1}), std::nullopt);
}

TEST(GuestP2m, KnowsWhatIsNoFrame64)
{
    const std::uint64_t foreign = std::uint64_t{1} << 63;
    const std::uint64_t identity = std::uint64_t{1} << 62;
    const Octets leaf = octets_of_numbers({0x99, none, foreign | 5, identity | 4, 0}, 8);
    const GuestP2m p2m{long64, leaf, Pfn{4}};
    EXPECT_EQ(p2m.mfn_of(Pfn{0}), Mfn{0x99});
    EXPECT_EQ(p2m.mfn_of(Pfn{1}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{2}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{3}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{4}), Mfn{0});
    EXPECT_EQ(p2m.mfn_of(Pfn{5}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{none}), std::nullopt);
}

TEST(GuestP2m, KnowsWhatIsNoFrame32)
{
    const Octets leaf = octets_of_numbers({0x3fff'ffff, 0xffff'ffff, 0x8000'0005, 0x4000'0004}, 4);
    const GuestP2m p2m{pae32, leaf, Pfn{3}};
    EXPECT_EQ(p2m.mfn_of(Pfn{0}), Mfn{0x3fff'ffff});
    EXPECT_EQ(p2m.mfn_of(Pfn{1}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{2}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{3}), std::nullopt);
    EXPECT_EQ(p2m.mfn_of(Pfn{4}), std::nullopt);
}

TEST(GuestP2m, RefusesLeavesThatDoNotCoverIt)
{
    const Octets leaf = octets_of_numbers({1, 2}, 8);
    EXPECT_EQ(error_of([&] { GuestP2m{long64, leaf, Pfn{2}}; }), Errc::internal);
    EXPECT_EQ(error_of([&] { GuestP2m{long64, leaf, Pfn{none}}; }), Errc::internal);
    EXPECT_EQ(error_of([&] { GuestP2m{long64, leaf, Pfn{1}}; }), std::nullopt);
}

/// mfn 0: pfn 1 and the p2m agrees; mfn 1: nobody's; mfn 2: pfn 9, past the end; mfn 3: pfn 0 with
/// another domain.
class Translation : public testing::Test {
protected:
    Octets m2p_octets = octets_of_numbers({1, none, 9, 0}, 8);
    Octets leaf = octets_of_numbers({5, 0, none}, 8);
    M2p m2p{m2p_octets};
    GuestP2m p2m{long64, leaf, Pfn{2}};
    FrameTranslator translator{m2p, p2m};
};

TEST_F(Translation, BelievesOnlyWhatBothTablesSay)
{
    const PfnOrWhy good = translator.pfn_of(Mfn{0});
    EXPECT_TRUE(good);
    EXPECT_EQ(good.pfn, Pfn{1});
    EXPECT_EQ(translator.pfn_of(Mfn{1}).why, NoPfn::no_m2p_entry);
    EXPECT_EQ(translator.pfn_of(Mfn{2}).why, NoPfn::past_p2m);
    EXPECT_EQ(translator.pfn_of(Mfn{2}).pfn, Pfn{9});
    EXPECT_EQ(translator.pfn_of(Mfn{3}).why, NoPfn::p2m_disagrees);
    EXPECT_EQ(translator.pfn_of(Mfn{4}).why, NoPfn::no_m2p_entry);
    EXPECT_FALSE(translator.pfn_of(Mfn{none}));
}

TEST_F(Translation, RequiredPfnNamesWhatWasAskedAndWhy)
{
    EXPECT_EQ(translator.require_pfn(Mfn{0}, "x"), Pfn{1});
    EXPECT_EQ(message_of([&] { (void)translator.require_pfn(Mfn{3}, "vcpu 2 cr3"); }),
              "vcpu 2 cr3: mfn 0x3 is not what the guest's p2m holds at its pfn");
}

TEST(RestoreP2m, HasNoPfnsBeforeP2mFrames)
{
    RestoreP2m p2m{long64};
    EXPECT_FALSE(p2m.may_have(Pfn{0}));
    EXPECT_EQ(p2m.mfn_of(Pfn{0}), std::nullopt);
    // upstream.md, defect C: PAGE_DATA for pfn 0 before P2M_FRAMES is a write through NULL in the
    // stock engine.
    EXPECT_EQ(error_of([&] { p2m.set_mfn(Pfn{0}, Mfn{1}); }), Errc::malformed);
    EXPECT_EQ(error_of([&] { p2m.set_type(Pfn{0}, PageType::notab); }), Errc::malformed);
}

TEST(RestoreP2m, HoldsFramesAndTypesUpToItsHighest)
{
    RestoreP2m p2m{long64, Pfn{1000}};
    p2m.set_mfn(Pfn{1000}, Mfn{77});
    p2m.set_type(Pfn{1000}, PageType::l2_pinned);
    EXPECT_EQ(p2m.mfn_of(Pfn{1000}), Mfn{77});
    EXPECT_EQ(p2m.type_of(Pfn{1000}), PageType::l2_pinned);
    EXPECT_EQ(p2m.type_of(Pfn{999}), std::nullopt);
    p2m.set_type(Pfn{3}, PageType::notab);
    EXPECT_EQ(p2m.type_of(Pfn{3}), PageType::notab) << "named, and not the same as never named";
    EXPECT_EQ(error_of([&] { p2m.set_mfn(Pfn{1001}, Mfn{1}); }), Errc::malformed);
    p2m.raise_highest(Pfn{1001});
    p2m.set_mfn(Pfn{1001}, Mfn{1});
    p2m.raise_highest(Pfn{5});
    EXPECT_EQ(p2m.highest(), Pfn{1001});
    p2m.forget_mfn(Pfn{1000});
    EXPECT_EQ(p2m.mfn_of(Pfn{1000}), std::nullopt);
    std::vector<std::pair<Pfn, Mfn>> frames;
    p2m.for_each_frame([&](Pfn pfn, Mfn mfn) { frames.emplace_back(pfn, mfn); });
    EXPECT_EQ(frames, (std::vector{std::pair{Pfn{1001}, Mfn{1}}}));
}

TEST(RestoreP2m, RefusesFramesThatTheGuestCannotHold)
{
    RestoreP2m small{pae32, Pfn{0}};
    EXPECT_EQ(error_of([&] { small.set_mfn(Pfn{0}, Mfn{0x1'0000'0000}); }), Errc::limit);
    EXPECT_EQ(error_of([&] { small.set_mfn(Pfn{0}, Mfn{0x4000'0000}); }), Errc::limit);
    small.set_mfn(Pfn{0}, Mfn{0x3fff'ffff});
    EXPECT_EQ(error_of([&] { small.raise_highest(Pfn{0x1'0000'0000}); }), Errc::limit);
}

TEST(RestoreP2m, EncodesLeavesOfBothWidths)
{
    RestoreP2m wide{long64, Pfn{514}};
    wide.set_mfn(Pfn{513}, Mfn{0x12'3456'789a});
    Page page{};
    wide.encode_leaf(1, page);
    EXPECT_EQ(entry_of(page, 0), none);
    EXPECT_EQ(entry_of(page, 1), 0x12'3456'789aU);
    EXPECT_EQ(entry_of(page, 2), none);
    EXPECT_EQ(entry_of(page, 3), 0U) << "past the highest: not ours to write";

    RestoreP2m narrow{pae32, Pfn{1024}};
    narrow.set_mfn(Pfn{1023}, Mfn{0x1234});
    narrow.encode_leaf(0, page);
    EXPECT_EQ(load<std::uint32_t>(page, 4092), 0x1234U);
    EXPECT_EQ(load<std::uint32_t>(page, 0), 0xffff'ffffU);
}

// Linux marks holes of its memory map that are machine frames of the same number (bit 62), and frames of
// others that it has mapped (bit 63): the former hold on any host.
TEST(RestoreP2m, KeepsIdentityEntriesOfHoles)
{
    RestoreP2m wide{long64, Pfn{1023}};
    wide.set_mfn(Pfn{514}, Mfn{0x99});
    Page page = table_of(
        {{0, 0x4000'0000'0000'0200},    // pfn 512: identity
         {1, 0x4000'0000'0000'0200},    // pfn 513: of another number
         {2, 0x4000'0000'0000'0202},    // pfn 514: identity, but has a frame now
         {3, 0x8000'0000'0000'0203},    // pfn 515: another domain's frame
         {4, 0x204},                    // pfn 516: a frame of the old host
         {5, 0xc000'0000'0000'0205}});  // pfn 517: both marks, which is no entry of Linux's
    wide.encode_leaf(1, page);
    EXPECT_EQ(entry_of(page, 0), 0x4000'0000'0000'0200U);
    EXPECT_EQ(entry_of(page, 1), none);
    EXPECT_EQ(entry_of(page, 2), 0x99U);
    for (const unsigned at : {3U, 4U, 5U}) {
        EXPECT_EQ(entry_of(page, at), none) << at;
    }

    RestoreP2m narrow{pae32, Pfn{1}};
    store(std::span{page}, 0, std::uint32_t{0x4000'0001});
    store(std::span{page}, 4, std::uint32_t{0x4000'0001});
    narrow.encode_leaf(0, page);
    EXPECT_EQ(load<std::uint32_t>(page, 0), 0xffff'ffffU);
    EXPECT_EQ(load<std::uint32_t>(page, 4), 0x4000'0001U);
}

}  // namespace
}  // namespace sr
