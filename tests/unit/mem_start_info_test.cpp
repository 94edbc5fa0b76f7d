// SPDX-License-Identifier: LGPL-2.1-or-later
// start_info and shared_info of a restored guest, octet by octet.
#include "libsr/mem/shared_info.hpp"
#include "libsr/mem/start_info.hpp"
#include "tests/unit/mem_support.hpp"

#include <gtest/gtest.h>

namespace sr {
namespace {

const GuestAbi& long64 = guest_abi(GuestWidth::bits64);
const GuestAbi& pae32 = guest_abi(GuestWidth::bits32);

RestoreP2m restored(const GuestAbi& abi)
{
    RestoreP2m p2m{abi, Pfn{99}};
    p2m.set_mfn(Pfn{5}, Mfn{0x8005});
    p2m.set_mfn(Pfn{6}, Mfn{0x8006});
    return p2m;
}

/// 0xee everywhere but for the pfns of xenstore, 5, and the console, 6.
Page sent_start_info(const GuestAbi& abi)
{
    Page page;
    page.fill(std::byte{0xee});
    store_field(page, abi.start_info.store_mfn, 5);
    store_field(page, abi.start_info.console_mfn, 6);
    return page;
}

constexpr StartInfoValues values{.shared_info = Mfn{0xabc}, .store_evtchn = 1, .console_evtchn = 2};

TEST(StartInfo, SaysWhatTheDestinationHas64)
{
    Page page = sent_start_info(long64);
    const StartInfoFrames frames = localise_start_info(page, long64, restored(long64), values);
    EXPECT_EQ(frames.store, Mfn{0x8005});
    EXPECT_EQ(frames.console, Mfn{0x8006});
    Page wanted;
    wanted.fill(std::byte{0xee});
    store(std::span{wanted}, 32, std::uint64_t{100});       // nr_pages
    store(std::span{wanted}, 40, std::uint64_t{0xabc000});  // shared_info
    store(std::span{wanted}, 48, std::uint32_t{0});         // flags
    store(std::span{wanted}, 56, std::uint64_t{0x8005});    // store_mfn
    store(std::span{wanted}, 64, std::uint32_t{1});         // store_evtchn
    store(std::span{wanted}, 72, std::uint64_t{0x8006});    // console.domU.mfn
    store(std::span{wanted}, 80, std::uint32_t{2});         // console.domU.evtchn
    EXPECT_EQ(page, wanted);
}

TEST(StartInfo, SaysWhatTheDestinationHas32)
{
    Page page = sent_start_info(pae32);
    (void)localise_start_info(page, pae32, restored(pae32), values);
    Page wanted;
    wanted.fill(std::byte{0xee});
    unsigned at = 32;
    for (const std::uint32_t value : {100U, 0xabc000U, 0U, 0x8005U, 1U, 0x8006U, 2U}) {
        store(std::span{wanted}, at, value);
        at += 4;
    }
    EXPECT_EQ(page, wanted);
}

TEST(StartInfo, RingsWithoutFramesAreRefusedAndNothingWritten)
{
    const RestoreP2m p2m = restored(long64);
    for (const std::uint64_t pfn : {std::uint64_t{7}, std::uint64_t{100}, ~std::uint64_t{0}}) {
        for (const Field field : {long64.start_info.store_mfn, long64.start_info.console_mfn}) {
            Page page = sent_start_info(long64);
            store_field(page, field, pfn);
            const Page before = page;
            EXPECT_EQ(error_of([&] { (void)localise_start_info(page, long64, p2m, values); }),
                      Errc::malformed);
            EXPECT_EQ(page, before);
        }
    }
    Page page = sent_start_info(long64);
    store_field(page, long64.start_info.console_mfn, 7);
    EXPECT_EQ(message_of([&] { (void)localise_start_info(page, long64, p2m, values); }),
              "start_info: the console pfn 0x7 has no frame");
}

TEST(StartInfo, ARingThatIsToLoseItsFrameIsRefused)
{
    RestoreP2m p2m = restored(long64);
    const Page page = sent_start_info(long64);
    EXPECT_NO_THROW(check_start_info(page, long64, p2m));
    p2m.set_type(Pfn{5}, PageType::xtab);
    EXPECT_EQ(message_of([&] { check_start_info(page, long64, p2m); }),
              "start_info: the xenstore pfn 0x5 has no frame");
    p2m.set_type(Pfn{5}, PageType::broken);
    EXPECT_NO_THROW(check_start_info(page, long64, p2m)) << "which comes back empty";
}

/// Which octets of our page are now theirs ('t'), zero ('0'), ones ('1') or still ours ('o').
std::string merged(const GuestAbi& abi)
{
    Page ours;
    ours.fill(std::byte{0x55});
    Page theirs;
    theirs.fill(std::byte{0xaa});
    restore_shared_info(ours, theirs, abi);
    std::string origin;
    for (const std::byte octet : ours) {
        origin += octet == std::byte{0x55}   ? 'o'
                  : octet == std::byte{0xaa} ? 't'
                  : octet == std::byte{0}    ? '0'
                  : octet == std::byte{0xff} ? '1'
                                             : '?';
    }
    return origin;
}

std::string repeated(const std::string& text, unsigned times)
{
    std::string all;
    for (unsigned at = 0; at < times; ++at) {
        all += text;
    }
    return all;
}

TEST(SharedInfo, MergesFieldByField64)
{
    // vcpu_info: 8 octets, evtchn_pending_sel, the rest; pending; mask; wallclock and padding;
    // max_pfn, frame list list, the rest.
    const std::string vcpu = std::string(8, 't') + std::string(8, '0') + std::string(48, 't');
    EXPECT_EQ(merged(long64), repeated(vcpu, 32) + std::string(512, '0') + std::string(512, '1') +
                                  std::string(16, 'o') + std::string(8, 't') + std::string(8, '0') +
                                  std::string(32, 't') + std::string(960, 'o'));
}

TEST(SharedInfo, MergesFieldByField32)
{
    // The last member of a 32-bit arch_shared_info is the wallclock's high half: ours.
    const std::string vcpu = std::string(4, 't') + std::string(4, '0') + std::string(56, 't');
    EXPECT_EQ(merged(pae32), repeated(vcpu, 32) + std::string(128, '0') + std::string(128, '1') +
                                 std::string(12, 'o') + std::string(4, 't') + std::string(4, '0') +
                                 std::string(16, 't') + std::string(1756, 'o'));
}

}  // namespace
}  // namespace sr
