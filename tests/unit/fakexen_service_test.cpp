// SPDX-License-Identifier: LGPL-2.1-or-later
// xenstored in the fake host: messages, watches, domains that come and go, rings.
#include "libsr/base/bytes.hpp"
#include "tests/fakexen/protocol/store_port.hpp"
#include "tests/fakexen/store/permissions.hpp"
#include "tests/fakexen/store/wire.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <set>

namespace fakexen {
namespace {

using store::join_strings;
using store::Message;
using Event = std::pair<std::string, std::string>;  ///< path and token

/// A host with rings in memory.
class FakeLink final : public StoreLink {
public:
    void send(StoreConnection to, std::span<const std::byte> octets) override
    {
        sent[to].push_back(store::decode(octets));
    }
    std::optional<std::span<std::byte>> ring_page(std::uint32_t domid, std::uint64_t mfn) override
    {
        const bool own = domains.contains(domid) && mfn == 100 + domid;
        return own ? std::optional<std::span<std::byte>>{rings[domid]} : std::nullopt;
    }
    bool bind(std::uint32_t domid, std::uint32_t port) override
    {
        return domains.contains(domid) && bound.emplace(domid, port).second;
    }
    void notify(std::uint32_t domid, std::uint32_t port) override { notified.emplace(domid, port); }
    bool domain_exists(std::uint32_t domid) override { return domains.contains(domid); }

    std::set<std::uint32_t> domains;
    std::map<StoreConnection, std::deque<Message>> sent;
    std::map<std::uint32_t, std::array<std::byte, 4096>> rings;
    std::set<std::pair<std::uint32_t, std::uint32_t>> notified;
    std::set<std::pair<std::uint32_t, std::uint32_t>> bound;
};

class ServiceTest : public testing::Test {
protected:
    /// The reply to a request of a dom0 client, or "!ERRNO". Events before it are kept.
    std::string ask(std::uint32_t type, const std::string& payload, std::uint32_t transaction = 0,
                    StoreConnection from = 1)
    {
        port->message(from, 0, store::encode({type, 77, transaction, payload}));
        auto& queue = link.sent[from];
        for (auto at = queue.begin(); at != queue.end(); ++at) {
            if (at->type != XS_WATCH_EVENT) {
                const Message reply = *at;
                queue.erase(at);
                EXPECT_EQ(reply.request, 77U);
                return reply.type == XS_ERROR ? "!" + std::string{reply.payload.c_str()}
                                              : reply.payload;
            }
        }
        ADD_FAILURE() << "no reply";
        return {};
    }

    std::vector<Event> events(StoreConnection of = 1)
    {
        std::vector<Event> all;
        for (const Message& message : link.sent[of]) {
            const auto strings = store::split_strings(message.payload);
            all.emplace_back(strings.at(0), strings.at(1));
        }
        link.sent[of].clear();
        return all;
    }

    std::string write(const std::string& path, const std::string& value)
    {
        return ask(XS_WRITE, join_strings({path}) + value);
    }

    std::string introduce(std::uint32_t domid)
    {
        link.domains.insert(domid);
        return ask(XS_INTRODUCE,
                   join_strings({std::to_string(domid), std::to_string(100 + domid), "9"}));
    }

    FakeLink link;
    std::unique_ptr<StorePort> port = make_store(link);
    const std::string ok{"OK\0", 3};
};

TEST_F(ServiceTest, AnswersReadsAndWrites)
{
    EXPECT_EQ(write("/a/b", "1"), ok);
    EXPECT_EQ(ask(XS_READ, join_strings({"/a/b"})), "1");
    EXPECT_EQ(ask(XS_READ, join_strings({"/a/c"})), "!ENOENT");
    EXPECT_EQ(ask(XS_READ, "/a/b"), "!EINVAL");
    EXPECT_EQ(ask(XS_DIRECTORY, join_strings({"/a"})), join_strings({"b"}));
    EXPECT_EQ(ask(XS_GET_PERMS, join_strings({"/a"})), join_strings({"n0"}));
    EXPECT_EQ(ask(XS_SET_PERMS, join_strings({"/a", "b0", "r7"})), ok);
    EXPECT_EQ(ask(XS_GET_PERMS, join_strings({"/a"})), join_strings({"b0", "r7"}));
    EXPECT_EQ(ask(XS_SET_PERMS, join_strings({"/a", "x0"})), "!EINVAL");
    EXPECT_EQ(ask(XS_RM, join_strings({"/a"})), ok);
    EXPECT_EQ(ask(XS_GET_DOMAIN_PATH, join_strings({"12"})), join_strings({"/local/domain/12"}));
    EXPECT_EQ(ask(4711, join_strings({"1"})), "!ENOSYS");
}

TEST_F(ServiceTest, ResolvesRelativePathsOfDom0)
{
    EXPECT_EQ(write("name", "Domain-0"), ok);
    EXPECT_EQ(ask(XS_READ, join_strings({"/local/domain/0/name"})), "Domain-0");
}

TEST_F(ServiceTest, FiresAWatchWhenSetAndForAllBelow)
{
    EXPECT_EQ(ask(XS_WATCH, join_strings({"/a", "t"})), ok);
    EXPECT_EQ(events(), (std::vector<Event>{{"/a", "t"}}));
    (void)write("/a/b", "1");
    (void)write("/ab", "1");
    EXPECT_EQ(events(), (std::vector<Event>{{"/a/b", "t"}}));
    EXPECT_EQ(ask(XS_WATCH, join_strings({"/a", "t"})), "!EEXIST");
    EXPECT_EQ(ask(XS_UNWATCH, join_strings({"/a", "u"})), "!ENOENT");
    EXPECT_EQ(ask(XS_UNWATCH, join_strings({"/a", "t"})), ok);
    (void)write("/a/b", "2");
    EXPECT_TRUE(events().empty());
}

TEST_F(ServiceTest, TellsAWatchThatItsNodeWentWithAParent)
{
    (void)write("/a/b/c", "1");
    (void)ask(XS_WATCH, join_strings({"/a/b/c", "t"}));
    (void)events();
    (void)ask(XS_RM, join_strings({"/a"}));
    EXPECT_EQ(events(), (std::vector<Event>{{"/a/b/c", "t"}}));
}

TEST_F(ServiceTest, NamesRelativeWatchesRelatively)
{
    (void)ask(XS_WATCH, join_strings({"device", "t"}));
    (void)write("/local/domain/0/device/vif", "1");
    EXPECT_EQ(events(), (std::vector<Event>{{"device", "t"}, {"device/vif", "t"}}));
}

TEST_F(ServiceTest, RunsTransactions)
{
    const auto start = ask(XS_TRANSACTION_START, std::string(1, '\0'));
    const auto id = static_cast<std::uint32_t>(std::stoul(start));
    EXPECT_EQ(ask(XS_WRITE, join_strings({"/t"}) + "1", id), ok);
    EXPECT_EQ(ask(XS_READ, join_strings({"/t"})), "!ENOENT");
    EXPECT_EQ(ask(XS_TRANSACTION_END, join_strings({"T"}), id, 2), "!ENOENT");  // not its own
    EXPECT_EQ(ask(XS_TRANSACTION_END, join_strings({"T"}), id), ok);
    EXPECT_EQ(ask(XS_READ, join_strings({"/t"})), "1");
}

TEST_F(ServiceTest, ForgetsAClientThatLeft)
{
    (void)ask(XS_WATCH, join_strings({"/a", "t"}), 0, 2);
    (void)ask(XS_TRANSACTION_START, std::string(1, '\0'), 0, 2);
    link.sent.clear();
    port->closed(2);
    (void)write("/a", "1");
    EXPECT_TRUE(link.sent[2].empty());
}

TEST_F(ServiceTest, IntroducesOnlyDomainsWithTheirRing)
{
    EXPECT_EQ(ask(XS_INTRODUCE, join_strings({"3", "103", "9"})), "!EINVAL");  // no such domain
    link.domains.insert(3);
    EXPECT_EQ(ask(XS_INTRODUCE, join_strings({"3", "104", "9"})), "!EINVAL");  // not its frame
    EXPECT_EQ(ask(XS_INTRODUCE, join_strings({"3", "103", "0"})), "!EINVAL");  // no event channel
    EXPECT_EQ(ask(XS_IS_DOMAIN_INTRODUCED, join_strings({"3"})), join_strings({"F"}));
    EXPECT_EQ(introduce(3), ok);
    EXPECT_EQ(ask(XS_IS_DOMAIN_INTRODUCED, join_strings({"3"})), join_strings({"T"}));
}

TEST_F(ServiceTest, FiresReleaseOnceUntilResumed)
{
    (void)ask(XS_WATCH, join_strings({"@releaseDomain", "r"}));
    (void)introduce(3);
    (void)events();
    const std::vector<Event> released{{"@releaseDomain", "r"}};
    port->domain_released(3, false);
    EXPECT_EQ(events(), released);
    port->domain_released(3, false);
    EXPECT_TRUE(events().empty()) << "a second shutdown went unnoticed, as on a real host";
    EXPECT_EQ(ask(XS_RESUME, join_strings({"3"})), ok);
    port->domain_released(3, false);
    EXPECT_EQ(events(), released);
    port->domain_released(3, true);
    EXPECT_EQ(events(), released);
    EXPECT_EQ(ask(XS_RESUME, join_strings({"3"})), "!ENOENT");
    EXPECT_EQ(ask(XS_RESUME, join_strings({"0"})), "!EINVAL");
}

TEST_F(ServiceTest, AnnouncesADomainOnce)
{
    (void)ask(XS_WATCH, join_strings({"@introduceDomain", "i"}));
    (void)events();
    (void)introduce(3);
    (void)introduce(3);
    EXPECT_EQ(events(), (std::vector<Event>{{"@introduceDomain", "i"}}));
    EXPECT_EQ(ask(XS_RELEASE, join_strings({"3"})), ok);
    EXPECT_EQ(ask(XS_RELEASE, join_strings({"3"})), "!ENOENT");
}

TEST_F(ServiceTest, SplitsLargeDirectories)
{
    std::string all;
    for (int n = 1000; n < 2000; ++n) {
        const std::string name = "entry-" + std::to_string(n);
        (void)write("/big/" + name, "");
        all += name + '\0';
    }
    EXPECT_EQ(ask(XS_DIRECTORY, join_strings({"/big"})), "!E2BIG");
    std::string got;
    while (got.size() < all.size()) {
        const auto part =
            ask(XS_DIRECTORY_PART, join_strings({"/big", std::to_string(got.size())}));
        ASSERT_LE(part.size(), std::size_t{XENSTORE_PAYLOAD_MAX});
        got += part.substr(part.find('\0') + 1);
    }
    EXPECT_EQ(got, all + '\0');  // an empty name ends it
}

/// A guest kernel's use of its ring.
class RingTest : public ServiceTest {
protected:
    static constexpr std::uint32_t domid = 3;

    void SetUp() override
    {
        ASSERT_EQ(introduce(domid), ok);
        ASSERT_EQ(write("/local/domain/3/name", "three"), ok);
        ASSERT_EQ(ask(XS_SET_PERMS, join_strings({"/local/domain/3/name", "n0", "r3"})), ok);
    }

    std::uint32_t index(std::size_t offset) { return sr::load<std::uint32_t>(page(), offset); }
    std::span<std::byte> page() { return link.rings[domid]; }

    void put(std::span<const std::byte> octets)
    {
        std::uint32_t at = index(offsetof(xenstore_domain_interface, req_prod));
        for (const std::byte octet : octets) {
            page()[MASK_XENSTORE_IDX(at++)] = octet;
        }
        sr::store(page(), offsetof(xenstore_domain_interface, req_prod), at);
    }

    std::vector<std::byte> get()
    {
        std::vector<std::byte> octets;
        std::uint32_t at = index(offsetof(xenstore_domain_interface, rsp_cons));
        while (at != index(offsetof(xenstore_domain_interface, rsp_prod))) {
            octets.push_back(page()[XENSTORE_RING_SIZE + MASK_XENSTORE_IDX(at++)]);
        }
        sr::store(page(), offsetof(xenstore_domain_interface, rsp_cons), at);
        return octets;
    }
};

TEST_F(RingTest, AnswersAGuest)
{
    for (int n = 0; n < 100; ++n) {  // goes round the ring
        put(store::encode({XS_READ, 5, 0, join_strings({"name"})}));
        port->event(domid, 9);
        EXPECT_TRUE(link.notified.contains({domid, 9}));
        EXPECT_EQ(store::decode(get()).payload, "three");
    }
}

TEST_F(RingTest, WaitsForTheRestOfAMessage)
{
    const auto octets = store::encode({XS_READ, 5, 0, join_strings({"name"})});
    put(std::span{octets}.first(18));
    port->event(domid, 9);
    EXPECT_TRUE(get().empty());
    put(std::span{octets}.subspan(18));
    port->event(domid, 9);
    EXPECT_EQ(store::decode(get()).payload, "three");
}

TEST_F(RingTest, SendsALongReplyInPieces)
{
    const std::string value(3000, 'v');
    (void)write("/local/domain/3/name", value);
    put(store::encode({XS_READ, 5, 0, join_strings({"name"})}));
    std::vector<std::byte> whole;
    for (int n = 0; n < 4; ++n) {
        port->event(domid, 9);
        const auto piece = get();
        EXPECT_LE(piece.size(), std::size_t{XENSTORE_RING_SIZE});
        whole.insert(whole.end(), piece.begin(), piece.end());
    }
    EXPECT_EQ(store::decode(whole).payload, value);
}

TEST_F(RingTest, IgnoresADomainThatBreaksTheProtocol)
{
    sr::store(page(), offsetof(xenstore_domain_interface, req_prod), std::uint32_t{5000});
    port->event(domid, 9);
    EXPECT_EQ(index(offsetof(xenstore_domain_interface, error)),
              std::uint32_t{XENSTORE_ERROR_RINGIDX});
    EXPECT_EQ(introduce(domid), ok);
    xsd_sockmsg head = {XS_READ, 1, 0, 1U << 31};
    put(std::as_bytes(std::span{&head, 1}));
    port->event(domid, 9);
    put(store::encode({XS_READ, 5, 0, join_strings({"name"})}));
    port->event(domid, 9);
    EXPECT_TRUE(get().empty());
}

TEST_F(RingTest, WatchesByRingAndLosesThemWhenIntroducedAgain)
{
    put(store::encode({XS_WATCH, 5, 0, join_strings({"name", "t"})}));
    port->event(domid, 9);
    (void)get();
    (void)write("/local/domain/3/name", "four");
    EXPECT_EQ(store::decode(get()).payload, join_strings({"name", "t"}));
    (void)introduce(domid);
    (void)write("/local/domain/3/name", "five");
    EXPECT_TRUE(get().empty());
}

TEST(StorePermissions, ParseAndPrint)
{
    for (const char* text : {"n0", "r1", "w22", "b32751"}) {
        EXPECT_EQ(store::Permission::parse(text).value().to_string(), text);
    }
    for (const char* text : {"", "n", "x1", "r-1", "r1x", "r99999999999"}) {
        EXPECT_FALSE(store::Permission::parse(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace fakexen
