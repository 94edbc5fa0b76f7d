// SPDX-License-Identifier: LGPL-2.1-or-later
// The fake libxenstore.so.4 as a toolstack uses it, over a fake host with a guest.
#include "tests/fakexen/store/xenstore.hpp"
#include "tests/support/fakehost.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

namespace sr::test {
namespace {

template <typename T>
using Allocated = std::unique_ptr<T, decltype(&std::free)>;

using Event = std::pair<std::string, std::string>;

class XenstoreTest : public testing::Test {
protected:
    void SetUp() override
    {
        ::setenv("FAKEXEN_HOST", host_.path().c_str(), 1);
        xs_.reset(xs_open(0));
        ASSERT_NE(xs_, nullptr);
    }
    void TearDown() override { ::unsetenv("FAKEXEN_HOST"); }

    bool write(const std::string& path, const std::string& value, xs_transaction_t t = XBT_NULL)
    {
        return xs_write(xs_.get(), t, path.c_str(), value.data(),
                        static_cast<unsigned>(value.size()));
    }

    std::string read(const std::string& path, xs_transaction_t t = XBT_NULL)
    {
        unsigned length = 0;
        const Allocated<void> value{xs_read(xs_.get(), t, path.c_str(), &length), &std::free};
        return value ? std::string{static_cast<const char*>(value.get()), length} : "(none)";
    }

    /// The next event if it comes within a while.
    std::vector<Event> next_event(int timeout_ms = 2000)
    {
        pollfd readable = {xs_fileno(xs_.get()), POLLIN, 0};
        if (::poll(&readable, 1, timeout_ms) <= 0) {
            return {};
        }
        const Allocated<char*> event{xs_check_watch(xs_.get()), &std::free};
        if (!event) {
            return {};
        }
        return {{event.get()[XS_WATCH_PATH], event.get()[XS_WATCH_TOKEN]}};
    }

    using Events = std::vector<Event>;

    FakeHost host_;
    std::unique_ptr<xs_handle, decltype(&xs_close)> xs_{nullptr, &xs_close};
};

TEST_F(XenstoreTest, ReadsWritesAndLists)
{
    ASSERT_TRUE(write("/test/a", "1"));
    ASSERT_TRUE(write("/test/b", std::string{"x\0y", 3}));
    EXPECT_EQ(read("/test/a"), "1");
    EXPECT_EQ(read("/test/b"), (std::string{"x\0y", 3}));
    unsigned number = 0;
    const Allocated<char*> names{xs_directory(xs_.get(), XBT_NULL, "/test", &number), &std::free};
    ASSERT_EQ(number, 2U);
    EXPECT_STREQ(names.get()[0], "a");
    EXPECT_STREQ(names.get()[1], "b");
    EXPECT_TRUE(xs_rm(xs_.get(), XBT_NULL, "/test"));
    EXPECT_EQ(read("/test/a"), "(none)");
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(write("not//valid", ""));
    EXPECT_EQ(errno, EINVAL);
    EXPECT_FALSE(write("/long", std::string(5000, 'x')));
    EXPECT_EQ(errno, E2BIG);
}

TEST_F(XenstoreTest, ListsDirectoriesThatNeedManyReplies)
{
    for (int n = 0; n < 700; ++n) {
        ASSERT_TRUE(write("/many/entry-" + std::to_string(1000 + n), ""));
    }
    unsigned number = 0;
    const Allocated<char*> names{xs_directory(xs_.get(), XBT_NULL, "/many", &number), &std::free};
    ASSERT_EQ(number, 700U);
    EXPECT_STREQ(names.get()[699], "entry-1699");
}

TEST_F(XenstoreTest, KeepsPermissions)
{
    ASSERT_TRUE(write("/test", ""));
    xs_permissions given[] = {{5, XS_PERM_NONE}, {6, XS_PERM_READ | XS_PERM_WRITE}};
    ASSERT_TRUE(xs_set_permissions(xs_.get(), XBT_NULL, "/test", given, 2));
    unsigned number = 0;
    const Allocated<xs_permissions> got{xs_get_permissions(xs_.get(), XBT_NULL, "/test", &number),
                                        &std::free};
    ASSERT_EQ(number, 2U);
    EXPECT_EQ(got.get()[0].id, 5U);
    EXPECT_EQ(got.get()[1].perms, unsigned{XS_PERM_READ | XS_PERM_WRITE});
}

TEST_F(XenstoreTest, RunsTransactionsAgainstEachOther)
{
    const xs_transaction_t one = xs_transaction_start(xs_.get());
    const xs_transaction_t two = xs_transaction_start(xs_.get());
    ASSERT_NE(one, XBT_NULL);
    ASSERT_TRUE(write("/t", read("/t", one) + "1", one));
    ASSERT_TRUE(write("/t", read("/t", two) + "2", two));
    EXPECT_TRUE(xs_transaction_end(xs_.get(), one, false));
    EXPECT_FALSE(xs_transaction_end(xs_.get(), two, false));
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(XenstoreTest, DeliversEventsThatCameWithReplies)
{
    ASSERT_TRUE(xs_watch(xs_.get(), "/w", "token"));
    ASSERT_TRUE(write("/w/x", "1"));
    EXPECT_EQ(read("/w/x"), "1");  // by now both events have been read off the socket
    EXPECT_EQ(next_event(), (Events{{"/w", "token"}}));
    EXPECT_EQ(next_event(), (Events{{"/w/x", "token"}}));
    EXPECT_EQ(next_event(0), Events{});
    EXPECT_EQ(xs_check_watch(xs_.get()), nullptr);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_TRUE(xs_unwatch(xs_.get(), "/w", "token"));
    ASSERT_TRUE(write("/w/x", "2"));
    EXPECT_EQ(next_event(50), Events{});
}

TEST_F(XenstoreTest, WaitsForAnEventWhileAnotherThreadAsks)
{
    ASSERT_TRUE(xs_watch(xs_.get(), "/w", "token"));
    EXPECT_EQ(next_event(), (Events{{"/w", "token"}}));
    std::thread writer{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        EXPECT_TRUE(write("/elsewhere", "1"));
        EXPECT_TRUE(write("/w/x", "1"));
    }};
    unsigned number = 0;
    const Allocated<char*> event{xs_read_watch(xs_.get(), &number), &std::free};
    writer.join();
    ASSERT_NE(event, nullptr);
    EXPECT_STREQ(event.get()[XS_WATCH_PATH], "/w/x");
}

TEST_F(XenstoreTest, FailsWithoutAHost)
{
    ::unsetenv("FAKEXEN_HOST");
    EXPECT_EQ(xs_open(0), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

TEST_F(XenstoreTest, KnowsDomains)
{
    const std::string domid = host_.create_guest({"--memory", "16M"});
    const auto number = static_cast<unsigned>(std::stoul(domid));
    EXPECT_TRUE(xs_is_domain_introduced(xs_.get(), number));
    EXPECT_FALSE(xs_is_domain_introduced(xs_.get(), number + 1));
    const Allocated<char> home{xs_get_domain_path(xs_.get(), number), &std::free};
    EXPECT_EQ(home.get(), "/local/domain/" + domid);
    EXPECT_TRUE(xs_resume_domain(xs_.get(), number));
    EXPECT_FALSE(xs_resume_domain(xs_.get(), number + 1));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(xs_introduce_domain(xs_.get(), number + 1, 1, 1));
    EXPECT_EQ(xs_suspend_evtchn_port(static_cast<int>(number)), -1);
    const Allocated<char> answer{xs_control_command(xs_.get(), "check", nullptr, 0), &std::free};
    EXPECT_STREQ(answer.get(), "OK");
}

/// xenstored tells of one shutdown of a domain, until it hears that the domain was resumed.
TEST_F(XenstoreTest, TellsOfASecondSuspendOnlyAfterResume)
{
    const std::string domid = host_.create_guest({"--memory", "16M", "--period", "1"});
    const auto number = static_cast<unsigned>(std::stoul(domid));
    (void)host_.await_count(domid, 5);
    ASSERT_TRUE(xs_watch(xs_.get(), "@releaseDomain", "r"));
    EXPECT_EQ(next_event(), (Events{{"@releaseDomain", "r"}}));
    host_.suspend(domid);
    EXPECT_EQ(next_event(), (Events{{"@releaseDomain", "r"}}));
    (void)host_.guest({"resume", "--forget-xenstored", domid});
    (void)host_.await_count(domid, host_.count_of(domid) + 1);
    host_.suspend(domid);
    EXPECT_EQ(next_event(200), Events{});
    ASSERT_TRUE(xs_resume_domain(xs_.get(), number));
    (void)host_.guest({"resume", domid});
    (void)host_.await_count(domid, host_.count_of(domid) + 1);
    host_.suspend(domid);
    EXPECT_EQ(next_event(), (Events{{"@releaseDomain", "r"}}));
    (void)host_.guest({"destroy", domid});
    EXPECT_EQ(next_event(), (Events{{"@releaseDomain", "r"}}));
}

}  // namespace
}  // namespace sr::test
