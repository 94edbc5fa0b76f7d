// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests with everything odd that a PV guest may have: what can cross does, whoever saves and restores, and what cannot is
// refused before anything is lost. Where the stock engine loses a guest, that is told and never counts against libsr.
#include "tests/system/engines.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <tuple>

namespace sr::test {
namespace {

constexpr int exit_guest = 7;

/// Quanta after which a guest with the quickest clock has written all its pages.
constexpr std::uint64_t busy_count = 60;

const std::vector<std::string> host_a = {"--memory", "256M", "--seed", "1"};
const std::vector<std::string> host_b = {"--memory", "256M", "--seed", "2"};

/// With what the stock engine does wrong when it saves, or restores, such a guest.
struct Oddity {
    const char* name;
    std::vector<std::string> options;
    unsigned nr_vcpus = 1;
    const char* stock_save = nullptr;
    const char* stock_restore = nullptr;
};

constexpr const char* defect_a = "drops the top of a list that is not 1 GiB aligned (defect A)";
constexpr const char* no_identity = "writes over p2m entries that name no frame";

const Oddity oddities[] = {
    {"GivenBackRange", {"--give-back", "1500"}},
    // Leaves without a frame are one page, shared: a tree and a list end in it.
    {"SharedTrailingLeaves", {"--trailing-holes", "5000"}},
    {"SharedTrailingLeavesTree", {"--trailing-holes", "5000", "--p2m", "tree"}},
    {"Sparse", {"--sparse", "300000"}},
    {"SparseTree", {"--sparse", "300000", "--p2m", "tree"}},
    {"SparseAtAnyAlignment", {"--sparse", "300000", "--p2m-offset", "10M"}, 1, defect_a},
    {"ManyVcpusSomeOffline", {"--offline", "50"}, 128},
    {"StaleTables", {"--stale-tables"}},
    // What Linux has for holes of the physical address space.
    {"IdentityHoles", {"--holes", "600", "--identity-holes"}, 1, nullptr, no_identity},
    {"PaeIdentityHoles",
     {"--bits", "32", "--holes", "600", "--identity-holes", "--p2m", "tree"},
     1,
     nullptr,
     no_identity},
    {"PaeGivenBackRange", {"--bits", "32", "--give-back", "1500", "--holes", "300"}},
    {"PaeSharedTrailingLeavesTree", {"--bits", "32", "--trailing-holes", "5000", "--p2m", "tree"}},
    {"PaeSparse", {"--bits", "32", "--sparse", "300000"}},
    {"PaeSparseTree", {"--bits", "32", "--sparse", "300000", "--p2m", "tree"}},
    {"PaeSparseAtAnyAlignment", {"--bits", "32", "--sparse", "300000", "--p2m-offset", "10M"}},
    {"PaeManyVcpusSomeOffline", {"--bits", "32", "--offline", "50"}, 128},
    {"PaeStaleTables", {"--bits", "32", "--stale-tables"}},
};

GuestShape shape_of(const Oddity& oddity)
{
    GuestShape shape{.memory_mib = 24, .nr_vcpus = oddity.nr_vcpus, .options = oddity.options};
    shape.options.insert(shape.options.end(), {"--period", "1"});
    return shape;
}

/// One way across.
struct Crossing {
    Oddity oddity;
    Engine saver;
    Engine restorer;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's
void PrintTo(const Crossing& crossing, std::ostream* out)
{
    *out << crossing.oddity.name;
}

/// Each engine at one end; where the stock one cannot, libsr at both too.
std::vector<Crossing> all_crossings()
{
    std::vector<Crossing> all;
    for (const Oddity& oddity : oddities) {
        all.push_back({oddity, Engine::libsr, Engine::stock});
        all.push_back({oddity, Engine::stock, Engine::libsr});
        if (oddity.stock_save != nullptr || oddity.stock_restore != nullptr) {
            all.push_back({oddity, Engine::libsr, Engine::libsr});
        }
    }
    return all;
}

class OddGuest : public testing::TestWithParam<Crossing> {
protected:
    TemporaryDirectory files_;
};

TEST_P(OddGuest, Crosses)
{
    const auto& [oddity, saver, restorer] = GetParam();
    for (const auto& [engine, defect] :
         {std::pair{saver, oddity.stock_save}, std::pair{restorer, oddity.stock_restore}}) {
        if (engine == Engine::stock && defect != nullptr) {
            GTEST_SKIP() << "the stock engine " << defect;
        }
    }
    const std::string file = files_.path() + "/stream";
    const GuestShape shape = shape_of(oddity);
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    save_raw(a, saver, domid, file);
    if (saver == Engine::libsr) {
        expect_stock_verifier_accepts(file, "libxc");
        const Ended judged = xsr(b, {"verify", file});
        EXPECT_EQ(judged.status, 0) << judged.all();
    }
    expect_alive(b, restore_raw(b, restorer, file, shape), before);
}

INSTANTIATE_TEST_SUITE_P(Each, OddGuest, testing::ValuesIn(all_crossings()), [](const auto& test) {
    return std::string{test.param.oddity.name} + "_" + to_string(test.param.saver) + "_" +
           to_string(test.param.restorer);
});

/// A guest that cannot cross, and what the refusal has to say.
struct Refusal {
    const char* name;
    std::vector<std::string> options;
    const char* message;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's
void PrintTo(const Refusal& refusal, std::ostream* out)
{
    *out << refusal.name;
}

/// The table, the slot and the frame.
constexpr const char* names_the_entry = "L1TAB pfn 0x[0-9a-f]+: slot [0-9]+ .*mfn 0x[0-9a-f]+";

const Refusal refusals[] = {
    {"SharedInfoStillMapped", {"--keep-shared-info"}, names_the_entry},
    {"PaeSharedInfoStillMapped", {"--bits", "32", "--keep-shared-info"}, names_the_entry},
    {"PaeFrameThatTheP2mForgot",
     {"--bits", "32", "--bad-pte"},
     "TAB pfn 0x[0-9a-f]+: slot [0-9]+ .*mfn 0x[0-9a-f]+"},
    {"FrameThatTheP2mForgot", {"--bad-pte"}, "TAB pfn 0x[0-9a-f]+: slot [0-9]+ .*mfn 0x[0-9a-f]+"},
    {"FrameOfAnotherPfn", {"--bad-m2p"}, "TAB pfn 0x[0-9a-f]+: slot [0-9]+ .*mfn 0x[0-9a-f]+"},
};

/// A save has to fail because of the guest, say why, leave no file, and let the guest run on.
void expect_refused(const FakeHost& host, const std::string& domid, const std::string& file,
                    const char* message)
{
    (void)host.await_count(domid, busy_count);
    const Ended ended = xsr(host, {"save", domid, file});
    EXPECT_EQ(ended.status, exit_guest) << ended.all();
    EXPECT_TRUE(std::regex_search(ended.errors, std::regex{message})) << ended.errors;
    EXPECT_FALSE(std::filesystem::exists(file));
    expect_alive(host, domid, host.count_of(domid));
}

class GuestThatCannotCross : public testing::TestWithParam<Refusal> {
protected:
    TemporaryDirectory files_;
};

TEST_P(GuestThatCannotCross, IsRefusedAndRunsOn)
{
    const Refusal& refusal = GetParam();
    const std::string file = files_.path() + "/never.xl";
    const FakeHost host{host_a};
    GuestShape shape{.memory_mib = 16, .options = refusal.options};
    shape.options.insert(shape.options.end(), {"--period", "1"});
    const std::string domid = create_guest(host, shape);
    expect_refused(host, domid, file, refusal.message);
}

INSTANTIATE_TEST_SUITE_P(Each, GuestThatCannotCross, testing::ValuesIn(refusals),
                         [](const auto& test) { return std::string{test.param.name}; });

/// A guest that grants a page, then one that maps it. @return the second
std::string create_neighbours(const FakeHost& host, const GuestShape& shape)
{
    const std::string first =
        create_guest(host, {.memory_mib = 16, .options = {"--grant-to", "2"}});
    (void)host.await_count(first, 1);
    return create_guest(host, shape);
}

GuestShape driver_of(const char* bits, const std::vector<std::string>& more)
{
    GuestShape shape{.name = "driver",
                     .memory_mib = 16,
                     .options = {"--map-grant-of", "1", "--period", "1", "--bits", bits}};
    shape.options.insert(shape.options.end(), more.begin(), more.end());
    return shape;
}

/// A guest that maps a page of another one: who saves it, and its width.
class NeighboursPage : public testing::TestWithParam<std::tuple<Engine, const char*>> {
protected:
    TemporaryDirectory files_;
};

TEST_P(NeighboursPage, DoesNotHinderAGuestThatLetsItGoFirst)
{
    const auto& [saver, bits] = GetParam();
    const std::string file = files_.path() + "/stream";
    const GuestShape shape = driver_of(bits, {});
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_neighbours(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    save_raw(a, saver, domid, file);
    expect_alive(b, restore_raw(b, Engine::libsr, file, shape), before);
}

INSTANTIATE_TEST_SUITE_P(Each, NeighboursPage,
                         testing::Combine(testing::Values(Engine::libsr, Engine::stock),
                                          testing::Values("64", "32")),
                         [](const auto& test) {
                             return std::string{to_string(std::get<0>(test.param))} + "_" +
                                    std::get<1>(test.param);
                         });

class NeighboursPageStillMapped : public testing::TestWithParam<const char*> {
protected:
    TemporaryDirectory files_;
};

/// The stock engine leaves the table out and returns success (defect B).
TEST_P(NeighboursPageStillMapped, IsNamed)
{
    const std::string file = files_.path() + "/never.xl";
    const FakeHost host{host_a};
    const std::string domid = create_neighbours(host, driver_of(GetParam(), {"--keep-grant"}));
    expect_refused(host, domid, file, names_the_entry);
}

INSTANTIATE_TEST_SUITE_P(Each, NeighboursPageStillMapped, testing::Values("64", "32"),
                         [](const auto& test) { return std::string{test.param}; });

/// What Xen 4.6 to 4.13 wrote: no policies, and nothing that says where they would end.
class StreamOfVersion2 : public testing::TestWithParam<Engine> {
protected:
    static void turn_to_version_2(StreamPieces& pieces)
    {
        constexpr std::size_t version_at = 12;  // of the image header, big endian
        pieces.headers.at(version_at + 3) = std::byte{2};
        std::erase_if(pieces.records, [](const RecordPiece& record) {
            return record.type == RecordType::static_data_end ||
                   record.type == RecordType::x86_cpuid_policy ||
                   record.type == RecordType::x86_msr_policy;
        });
    }

    TemporaryDirectory files_;
};

TEST_P(StreamOfVersion2, Crosses)
{
    const std::string file = files_.path() + "/stream";
    const GuestShape shape{.memory_mib = 16, .nr_vcpus = 2, .options = {"--period", "1"}};
    const FakeHost a{host_a};
    const FakeHost b{host_b};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, busy_count);
    save_raw(a, GetParam(), domid, file);
    StreamPieces pieces = split(read_file(file));
    turn_to_version_2(pieces);
    write_file(file, join(pieces));
    expect_stock_verifier_accepts(file, "libxc");
    const Ended judged = xsr(b, {"verify", file});
    EXPECT_EQ(judged.status, 0) << judged.all();
    expect_alive(b, restore_raw(b, Engine::libsr, file, shape), before);
}

INSTANTIATE_TEST_SUITE_P(Savers, StreamOfVersion2, testing::Values(Engine::libsr, Engine::stock),
                         [](const auto& test) { return std::string{to_string(test.param)}; });

}  // namespace
}  // namespace sr::test
