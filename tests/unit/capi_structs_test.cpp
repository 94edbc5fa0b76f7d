// SPDX-License-Identifier: LGPL-2.1-or-later
// Structs of callers older and newer than the library, and the names of sr.h.
#include "libsr/capi_structs.hpp"
#include "sr.h"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace sr::test {
namespace {

struct Now {
    std::size_t size;
    int old_member;
    int new_member;
};

TEST(TakeStruct, AbsentIsAllZero)
{
    const Now taken = take_struct<Now>(nullptr, "now");
    EXPECT_EQ(taken.old_member, 0);
    EXPECT_EQ(taken.size, sizeof(Now));
}

TEST(TakeStruct, OlderCallersLackMembers)
{
    Now theirs{offsetof(Now, new_member), 7, 99};  // 99 is not theirs: some other variable
    const Now taken = take_struct(&theirs, "now");
    EXPECT_EQ(taken.old_member, 7);
    EXPECT_EQ(taken.new_member, 0);
}

TEST(TakeStruct, NewerCallersMayNotSetWhatWeDoNotKnow)
{
    struct Later {
        Now now;
        long later_member;
    } theirs{{sizeof(Later), 7, 8}, 0};
    EXPECT_EQ(take_struct(&theirs.now, "now").new_member, 8);
    theirs.later_member = 1;
    EXPECT_EQ(error_of([&] { (void)take_struct(&theirs.now, "now"); }), Errc::usage);
}

TEST(TakeStruct, ASizeThatCannotBeIsRefused)
{
    Now theirs{0, 7, 8};
    EXPECT_EQ(error_of([&] { (void)take_struct(&theirs, "now"); }), Errc::usage);
    theirs.size = std::size_t{1} << 40;
    EXPECT_EQ(error_of([&] { (void)take_struct(&theirs, "now"); }), Errc::usage);
}

TEST(GiveStruct, WritesNoFurtherThanTheCallersEnd)
{
    Now theirs{offsetof(Now, new_member), 1, 2};
    give_struct(&theirs, Now{sizeof(Now), 10, 20});
    EXPECT_EQ(theirs.old_member, 10);
    EXPECT_EQ(theirs.new_member, 2);
    EXPECT_EQ(theirs.size, offsetof(Now, new_member));
}

TEST(SrH, NamesItsErrorClasses)
{
    EXPECT_STREQ(sr_error_class_name(SR_ERROR_MALFORMED), "malformed");
    EXPECT_STREQ(sr_error_class_name(SR_ERROR_INTERNAL), "internal");
    EXPECT_STREQ(sr_error_class_name(static_cast<sr_error_class>(15)), "unknown");
}

TEST(SrH, SaysThatThereIsNoHypervisor)
{
    sr_host* host = nullptr;
    sr_error error{};
    error.size = sizeof(error);
    if (sr_host_open(nullptr, &host, &error) == 0) {
        sr_host_close(host);
        GTEST_SKIP() << "there is a hypervisor here";
    }
    EXPECT_EQ(error.error_class, SR_ERROR_HYPERVISOR);
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
    EXPECT_STREQ(error.call, "xc_interface_open");
    EXPECT_EQ(error.record, SR_NONE);
}

}  // namespace
}  // namespace sr::test
