// SPDX-License-Identifier: LGPL-2.1-or-later
// A toolstack written for <xenguest.h> on libsr-xenguest: with the stock engine at the other end, and checkpointed
// streams of the stock engine that break off anywhere.
#include "tests/system/engines.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

namespace sr::test {
namespace {

const std::vector<std::string> host_a = {"--memory", "256M", "--seed", "1"};
const std::vector<std::string> host_b = {"--memory", "256M", "--seed", "2"};
constexpr std::uint64_t busy_count = 40;

/// The same program on libsr-xenguest and on libxenguest.
constexpr const char* ours = "xenguest-engine";
constexpr const char* stock = "stock-engine";

Ended engine(const FakeHost& host, const std::string& program, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), in_build("tests/system/" + program));
    return host.run(arguments, {{"ASAN_OPTIONS", "detect_leaks=0"}});
}

Ended restore(const FakeHost& host, const std::string& program, const std::string& file,
              const GuestShape& shape, const std::vector<std::string>& options)
{
    std::vector<std::string> arguments{"restore", file, shape.name,
                                       std::to_string((shape.memory_mib + 4) * 1024),
                                       std::to_string(shape.nr_vcpus)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return engine(host, program, arguments);
}

std::string domid_of(const Ended& restored)
{
    EXPECT_EQ(restored.status, 0) << restored.all();
    return restored.status == 0 ? restored.out.substr(0, restored.out.find('\n')) : "";
}

struct Way {
    const char* what;
    std::vector<std::string> save;
    std::vector<std::string> restore;
};

const Way ways[] = {
    {"Plain", {}, {}},
    {"Live", {"--live"}, {}},
    {"LiveVerify", {"--live", "--verify"}, {}},
    {"Remus", {"--live", "--checkpoints", "3"}, {"--checkpoints", "1"}},
};

/// What the stock engine can do: it neither sees that a page went to the balloon nor takes back its frame, and dies of a
/// page table that changes as it looks.
const GuestShape for_stock_to_restore{.memory_mib = 16, .nr_vcpus = 2, .options = {"--no-balloon"}};
const GuestShape for_stock_to_save{
    .memory_mib = 16, .nr_vcpus = 2, .options = {"--no-balloon", "--no-tables"}};

struct Ends {
    const char* what;
    const char* saver;
    const char* restorer;
    GuestShape shape;
};

const Ends ends[] = {
    {"LibsrToLibsr", ours, ours, {.memory_mib = 16, .nr_vcpus = 2}},
    {"LibsrToStock", ours, stock, for_stock_to_restore},
    {"StockToLibsr", stock, ours, for_stock_to_save},
};

class XenguestMatrix : public testing::TestWithParam<std::tuple<Ends, Way>> {
protected:
    TemporaryDirectory files_;
};

TEST_P(XenguestMatrix, GuestGoesOnAndFindsEveryPageIntact)
{
    const auto& [pair, way] = GetParam();
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, pair.shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    const std::string file = files_.path() + "/stream";
    std::vector<std::string> arguments{"save", domid, file};
    arguments.insert(arguments.end(), way.save.begin(), way.save.end());
    const Ended saved = engine(a, pair.saver, arguments);
    ASSERT_EQ(saved.status, 0) << saved.all() << a.log();
    EXPECT_EQ(domains_of(a), std::vector<unsigned>{});
    const Ended restored = restore(b, pair.restorer, file, pair.shape, way.restore);
    expect_alive(b, domid_of(restored), before);
}

INSTANTIATE_TEST_SUITE_P(Engines, XenguestMatrix,
                         testing::Combine(testing::ValuesIn(ends), testing::ValuesIn(ways)),
                         [](const auto& test) {
                             return std::string{std::get<0>(test.param).what} +
                                    std::get<1>(test.param).what;
                         });

class Xenguest : public testing::Test {
protected:
    /// A stream of the stock engine with some checkpoints, of a guest that lived meanwhile.
    [[nodiscard]] Octets checkpoints_of_stock(unsigned number)
    {
        const std::string domid = create_guest(a_, for_stock_to_save);
        before_ = a_.await_count(domid, busy_count);
        const Ended saved = engine(
            a_, stock, {"save", domid, file(), "--live", "--checkpoints", std::to_string(number)});
        EXPECT_EQ(saved.status, 0) << saved.all() << a_.log();
        return read_file(file());
    }
    [[nodiscard]] std::string file() const { return files_.path() + "/stream"; }

    FakeHost a_{host_a};
    FakeHost b_{host_b};
    TemporaryDirectory files_;
    std::uint64_t before_ = 0;
};

/// Each record of the stock engine's checkpoints, cut before its head, in that, and in its body.
TEST_F(Xenguest, GoesOnFromTheStockEnginesLastCheckpoint)
{
    const Octets whole = checkpoints_of_stock(2);
    const StreamPieces pieces = split(whole);
    const auto boundaries = pieces.boundaries();
    std::size_t first_whole = 0;
    while (pieces.records.at(first_whole++).type != RecordType::checkpoint) {
    }
    for (std::size_t i = first_whole - 1; i < pieces.records.size(); ++i) {
        const std::size_t nth_part = i % 3;  // takes its time
        const std::size_t inside = nth_part == 0   ? 0
                                   : nth_part == 1 ? 5
                                                   : 8 + pieces.records[i].body.size() / 2;
        const std::size_t cut = boundaries[i] + inside;
        SCOPED_TRACE(std::string{name_of(to_wire(pieces.records[i].type))} + " record " +
                     std::to_string(i) + " cut at " + std::to_string(inside));
        write_file(file(), {whole.begin(), whole.begin() + static_cast<long>(cut)});
        const Ended restored = restore(b_, ours, file(), for_stock_to_save, {"--checkpoints", "1"});
        if (i < first_whole) {
            EXPECT_EQ(restored.status, 1) << restored.all();
            EXPECT_NE(restored.all().find("the stream ends"), std::string::npos) << restored.all();
            EXPECT_EQ(domains_of(b_), std::vector<unsigned>{});
        } else {
            const std::string domid = domid_of(restored);
            expect_alive(b_, domid, before_);
            (void)b_.guest({"destroy", domid});
        }
    }
}

TEST_F(Xenguest, FailsAsTheStockEngineDoes)
{
    const std::string domid = create_guest(a_, for_stock_to_save);
    (void)a_.await_count(domid, busy_count);
    const Ended full = engine(a_, ours, {"save", domid, "/dev/full"});
    EXPECT_EQ(full.status, 1);
    EXPECT_NE(full.errors.find("xc_domain_save: No space left on device"), std::string::npos)
        << full.errors;
    EXPECT_NE(full.errors.find("xc: error: Saving memory: "), std::string::npos) << full.errors;
    (void)a_.guest({"resume", domid});
    expect_alive(a_, domid, busy_count);

    write_file(file(), Octets(100, std::byte{0x11}));
    const Ended nonsense = restore(b_, ours, file(), for_stock_to_save, {});
    EXPECT_EQ(nonsense.status, 1);
    EXPECT_NE(nonsense.errors.find("xc_domain_restore: "), std::string::npos) << nonsense.errors;
    EXPECT_NE(nonsense.errors.find("xc: error: Restoring memory: "), std::string::npos)
        << nonsense.errors;
    EXPECT_EQ(domains_of(b_), std::vector<unsigned>{});
}

TEST_F(Xenguest, RefusesColo)
{
    const std::string domid = create_guest(a_, for_stock_to_save);
    for (const Ended& refused : {engine(a_, ours, {"save", domid, file(), "--colo"}),
                                 restore(b_, ours, "/dev/null", for_stock_to_save, {"--colo"})}) {
        EXPECT_EQ(refused.status, 1);
        EXPECT_NE(refused.errors.find("COLO is not supported"), std::string::npos)
            << refused.errors;
        EXPECT_NE(refused.errors.find("Operation not supported"), std::string::npos)
            << refused.errors;
    }
    EXPECT_EQ(a_.state_of(domid), "running") << "nobody touched it";
}

}  // namespace
}  // namespace sr::test
