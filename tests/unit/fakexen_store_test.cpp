// SPDX-License-Identifier: LGPL-2.1-or-later
// The xenstore of a fake host: nodes, permissions, transactions.
#include "tests/fakexen/store/path.hpp"
#include "tests/fakexen/store/store.hpp"
#include "tests/fakexen/store/xenstore.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace fakexen::store {
namespace {

int errno_of(const std::function<void()>& request)
{
    try {
        request();
        return 0;
    } catch (const StoreError& refused) {
        return refused.errnum();
    }
}

class StoreTest : public testing::Test {
protected:
    std::vector<std::string> changed;  ///< paths, an exact one with "=" before it
    Store store{[this](const Change& change) {
        changed.push_back((change.exact ? "=" : "") + change.path);
    }};
    Caller dom0{};
};

using Names = std::vector<std::string>;

TEST(StorePath, KnowsValidPaths)
{
    for (const char* good : {"/", "/a", "/local/domain/7/device-1_x@y"}) {
        EXPECT_TRUE(is_valid_path(good)) << good;
    }
    for (const char* bad : {"", "a", "/a/", "//", "/a//b", "/a b", "/a:b"}) {
        EXPECT_FALSE(is_valid_path(bad)) << bad;
    }
    EXPECT_TRUE(is_valid_path("/" + std::string(XENSTORE_ABS_PATH_MAX - 1, 'a')));
    EXPECT_FALSE(is_valid_path("/" + std::string(XENSTORE_ABS_PATH_MAX, 'a')));
}

TEST(StorePath, KnowsParentsAndChildren)
{
    EXPECT_EQ(parent_of("/a/b"), "/a");
    EXPECT_EQ(parent_of("/a"), "/");
    EXPECT_TRUE(is_at_or_below("/a/b", "/a"));
    EXPECT_TRUE(is_at_or_below("/a", "/a"));
    EXPECT_TRUE(is_at_or_below("/a", "/"));
    EXPECT_FALSE(is_at_or_below("/ab", "/a"));
    EXPECT_FALSE(is_at_or_below("/a", "/a/b"));
}

TEST(StorePath, ResolvesRelativePathsAtHome)
{
    EXPECT_EQ(absolute_path("control/shutdown", 3), "/local/domain/3/control/shutdown");
    EXPECT_EQ(absolute_path("/vm", 3), "/vm");
    EXPECT_EQ(absolute_path("@releaseDomain", 3), "@releaseDomain");
}

TEST_F(StoreTest, ReadsWhatWasWritten)
{
    const std::string binary{"a\0b", 3};
    store.write(dom0, "/x/y", binary);
    EXPECT_EQ(store.read(dom0, "/x/y"), binary);
    EXPECT_EQ(store.read(dom0, "/x"), "");
    EXPECT_EQ(store.directory(dom0, "/x"), Names{"y"});
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/x/z"); }), ENOENT);
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "x"); }), EINVAL);
}

TEST_F(StoreTest, ListsOnlyDirectChildren)
{
    for (const char* path : {"/a/b/c", "/a/b-", "/a/b0/d", "/ab"}) {
        store.write(dom0, path, "");
    }
    EXPECT_EQ(store.directory(dom0, "/a"), (Names{"b", "b-", "b0"}));
    EXPECT_EQ(store.directory(dom0, "/a/b/c"), Names{});
}

TEST_F(StoreTest, RemovesASubtree)
{
    store.write(dom0, "/a/b/c", "1");
    store.write(dom0, "/ab", "2");
    changed.clear();
    store.remove(dom0, "/a");
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/a/b/c"); }), ENOENT);
    EXPECT_EQ(store.read(dom0, "/ab"), "2");
    EXPECT_EQ(changed, (Names{"/a", "=/a/b", "=/a/b/c"}));
    EXPECT_EQ(errno_of([&] { store.remove(dom0, "/a"); }), ENOENT);
    EXPECT_EQ(errno_of([&] { store.remove(dom0, "/"); }), EINVAL);
}

TEST_F(StoreTest, MkdirLeavesANodeAsItIs)
{
    store.write(dom0, "/a", "1");
    changed.clear();
    store.mkdir(dom0, "/a");
    EXPECT_EQ(store.read(dom0, "/a"), "1");
    EXPECT_TRUE(changed.empty());
}

TEST_F(StoreTest, KeepsAGuestInItsBounds)
{
    const Caller guest{.domid = 5};
    store.mkdir(dom0, "/local/domain/5");
    store.set_permissions(dom0, "/local/domain/5",
                          Permissions{{{0, {}}, {5, {.read = true, .write = false}}}});
    store.mkdir(dom0, "/local/domain/5/data");
    store.set_permissions(dom0, "/local/domain/5/data", Permissions::owned_by(5));

    store.write(guest, "/local/domain/5/data/x", "1");
    EXPECT_EQ(store.read(guest, "/local/domain/5/data/x"), "1");
    EXPECT_EQ(store.permissions(dom0, "/local/domain/5/data/x").owner(), 5U);
    EXPECT_EQ(store.read(guest, "/local/domain/5"), "");
    EXPECT_EQ(errno_of([&] { store.write(guest, "/local/domain/5/name", "z"); }), EACCES);
    EXPECT_EQ(errno_of([&] { (void)store.read(guest, "/local"); }), EACCES);
    EXPECT_EQ(errno_of([&] { (void)store.read(guest, "/nowhere"); }), EACCES);
    EXPECT_EQ(errno_of([&] { (void)store.read({.domid = 6}, "/local/domain/5/data/x"); }), EACCES);
    EXPECT_EQ(errno_of([&] {
                  store.set_permissions(guest, "/local/domain/5/data", Permissions::owned_by(0));
              }),
              EPERM);
}

TEST_F(StoreTest, HidesATransactionUntilItsEnd)
{
    const Caller inside{0, store.begin(0)};
    store.write(inside, "/a", "1");
    EXPECT_EQ(store.read(inside, "/a"), "1");
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/a"); }), ENOENT);
    EXPECT_TRUE(changed.empty());
    store.end(inside, true);
    EXPECT_EQ(store.read(dom0, "/a"), "1");
    EXPECT_EQ(changed, Names{"/a"});
    EXPECT_EQ(errno_of([&] { store.end(inside, true); }), ENOENT);
}

TEST_F(StoreTest, ForgetsAnAbortedTransaction)
{
    const Caller inside{0, store.begin(0)};
    store.write(inside, "/a", "1");
    store.end(inside, false);
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/a"); }), ENOENT);
    EXPECT_TRUE(changed.empty());
}

TEST_F(StoreTest, RefusesATransactionThatReadWhatChanged)
{
    store.write(dom0, "/a", "1");
    const Caller inside{0, store.begin(0)};
    store.write(inside, "/b", store.read(inside, "/a"));
    store.write(dom0, "/a", "2");
    EXPECT_EQ(errno_of([&] { store.end(inside, true); }), EAGAIN);
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/b"); }), ENOENT);
}

TEST_F(StoreTest, RefusesATransactionThatMissedWhatCameIn)
{
    const Caller inside{0, store.begin(0)};
    EXPECT_EQ(errno_of([&] { (void)store.read(inside, "/a"); }), ENOENT);
    store.write(dom0, "/a", "1");
    EXPECT_EQ(errno_of([&] { store.end(inside, true); }), EAGAIN);
}

TEST_F(StoreTest, LetsUnrelatedChangesPass)
{
    store.write(dom0, "/a/x", "1");
    store.write(dom0, "/b/x", "1");
    const Caller inside{0, store.begin(0)};
    store.write(inside, "/a/x", "2");
    store.write(dom0, "/b/x", "2");
    store.end(inside, true);
    EXPECT_EQ(store.read(dom0, "/a/x"), "2");
}

TEST_F(StoreTest, CommitsRemovalAndRecreation)
{
    store.write(dom0, "/a/b/c", "1");
    const Caller inside{0, store.begin(0)};
    store.remove(inside, "/a");
    store.write(inside, "/a/d", "2");
    store.end(inside, true);
    EXPECT_EQ(store.directory(dom0, "/a"), Names{"d"});
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/a/b/c"); }), ENOENT);
}

TEST_F(StoreTest, KeepsTransactionsToTheirDomain)
{
    const TransactionId id = store.begin(0);
    EXPECT_EQ(errno_of([&] { (void)store.read({5, id}, "/"); }), ENOENT);
}

TEST_F(StoreTest, RemovesWhatADeadDomainOwns)
{
    store.mkdir(dom0, "/local/domain/5/data");
    store.set_permissions(dom0, "/local/domain/5/data", Permissions::owned_by(5));
    store.write({.domid = 5}, "/local/domain/5/data/x", "1");
    store.remove_owned_by(5);
    EXPECT_EQ(errno_of([&] { (void)store.read(dom0, "/local/domain/5/data"); }), ENOENT);
    EXPECT_EQ(store.read(dom0, "/local/domain/5"), "");
}

}  // namespace
}  // namespace fakexen::store
