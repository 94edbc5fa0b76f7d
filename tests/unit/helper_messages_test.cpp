// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages to libxl, octet for octet, on a little-endian machine as all are that run Xen's PV guests.
#include "tests/support/golden.hpp"
#include "tools/save-helper/messages.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace sr {
namespace {

using test::octets_of_hex;

TEST(HelperMessages, Log)
{
    EXPECT_EQ(log_message(XtlLevel::info, no_errno, "sr", "hi"),
              octets_of_hex("18 00        # octets that follow\n"
                            "01 00        # log\n"
                            "05 00 00 00  # XTL_INFO\n"
                            "ff ff ff ff  # no errno\n"
                            "03 00 00 00 73 72 00\n"
                            "03 00 00 00 68 69 00\n"));
    EXPECT_EQ(log_message(XtlLevel::error, 5, "", ""),
              octets_of_hex("14 00 01 00 08 00 00 00 05 00 00 00\n"
                            "01 00 00 00 00  01 00 00 00 00\n"));
}

TEST(HelperMessages, Progress)
{
    EXPECT_EQ(progress_message("sr", "Frames", 0x1122, 0x0102030405060708),
              octets_of_hex("24 00 02 00\n"
                            "03 00 00 00 73 72 00\n"
                            "07 00 00 00 46 72 61 6d 65 73 00\n"
                            "22 11 00 00 00 00 00 00\n"
                            "08 07 06 05 04 03 02 01\n"));
}

TEST(HelperMessages, QuestionsWithoutArguments)
{
    EXPECT_EQ(bare_message(HelperMessage::suspend), octets_of_hex("02 00 03 00"));
    EXPECT_EQ(bare_message(HelperMessage::postcopy), octets_of_hex("02 00 04 00"));
    EXPECT_EQ(bare_message(HelperMessage::checkpoint), octets_of_hex("02 00 05 00"));
    EXPECT_EQ(bare_message(HelperMessage::wait_checkpoint), octets_of_hex("02 00 06 00"));
}

TEST(HelperMessages, SwitchQemuLogdirty)
{
    EXPECT_EQ(switch_qemu_logdirty_message(0x1234, true),
              octets_of_hex("0a 00 07 00 34 12 00 00 01 00 00 00"));
    EXPECT_EQ(switch_qemu_logdirty_message(1, false),
              octets_of_hex("0a 00 07 00 01 00 00 00 00 00 00 00"));
}

TEST(HelperMessages, StaticDataDone)
{
    EXPECT_EQ(static_data_done_message(3), octets_of_hex("06 00 08 00 03 00 00 00"));
}

TEST(HelperMessages, RestoreResults)
{
    EXPECT_EQ(restore_results_message(0xabcd, 0x1'0000'0001),
              octets_of_hex("12 00 09 00\n"
                            "cd ab 00 00 00 00 00 00  01 00 00 00 01 00 00 00\n"));
}

TEST(HelperMessages, Complete)
{
    EXPECT_EQ(complete_message(0, 0), octets_of_hex("0a 00 0a 00 00 00 00 00 00 00 00 00"));
    EXPECT_EQ(complete_message(-1, 125), octets_of_hex("0a 00 0a 00 ff ff ff ff 7d 00 00 00"));
}

TEST(HelperMessages, FitTheirLengthWhateverIsSaid)
{
    const std::string long_text(100'000, 'x');
    for (const Octets& message : {log_message(XtlLevel::debug, no_errno, long_text, long_text),
                                  progress_message(long_text, long_text, 1, 2)}) {
        std::uint16_t length = 0;
        std::memcpy(&length, message.data(), sizeof(length));
        EXPECT_EQ(message.size(), sizeof(length) + length);
        EXPECT_GT(message.size(), 60'000U);
    }
    const Octets cut = log_message(XtlLevel::debug, no_errno, "", long_text);
    EXPECT_EQ(cut.back(), std::byte{0});
    EXPECT_EQ(cut[cut.size() - 2], std::byte{'x'});
}

}  // namespace
}  // namespace sr
