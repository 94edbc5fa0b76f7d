// SPDX-License-Identifier: LGPL-2.1-or-later
// What the stock engine does wrong and libsr does not, each from the domain or the stream that shows it. The letters
// are those of the pure tests: mem_p2m_discovery_test (A), mem_normalise_test (B), mem_localise_test (C), mem_p2m_test (F).
#include "tests/support/json.hpp"
#include "tests/system/engines.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

namespace sr::test {
namespace {

constexpr int exit_malformed = 4;
constexpr int exit_guest = 7;

class StockDefects : public testing::Test {
protected:
    [[nodiscard]] std::string file(const char* name) const { return files_.path() + "/" + name; }

    /// A stream of a small guest, in pieces.
    [[nodiscard]] StreamPieces saved_pieces() const
    {
        const FakeHost source{{"--memory", "128M", "--seed", "1"}};
        const std::string domid = create_guest(source, small);
        (void)source.await_count(domid, 30);
        save_raw(source, Engine::libsr, domid, file("stream"));
        return split(read_file(file("stream")));
    }

    /// A restore that must fail as malformed, in one sentence with this in it, and leave nothing.
    void expect_malformed(const StreamPieces& pieces, const std::string& pattern) const
    {
        const FakeHost host{{"--memory", "128M", "--seed", "2"}};
        write_file(file("hostile"), join(pieces));
        const Ended ended = xsr(host, {"restore", "-p", "--name", "guest", "--memory", "12M",
                                       "--vcpus", "2", file("hostile")});
        EXPECT_EQ(ended.status, exit_malformed) << ended.all();
        EXPECT_TRUE(std::regex_search(ended.errors, std::regex{pattern})) << pattern << "\n"
                                                                          << ended.errors;
        EXPECT_EQ(domains_of(host), std::vector<unsigned>{});
    }

    static inline const GuestShape small{.memory_mib = 8, .nr_vcpus = 2, .options = {}};
    TemporaryDirectory files_;
};

/// 300000 pfns in a list 10 MiB past a 1 GiB boundary: the stock engine saves 262144 of them and returns success.
TEST_F(StockDefects, DefectA_KeepsTheTopOfAListAtAnyAlignment)
{
    const GuestShape shape{.memory_mib = 64,
                           .options = {"--sparse", "300000", "--p2m-offset", "10485760"}};
    const FakeHost a{{"--memory", "256M", "--seed", "1"}};
    const FakeHost b{{"--memory", "256M", "--seed", "2"}};
    const std::string domid = create_guest(a, shape);
    const std::uint64_t before = a.await_count(domid, 30);
    save_raw(a, Engine::libsr, domid, file("stream"));
    const auto facts = parsed_json(xsr(a, {"info", "--json", file("stream")}).out);
    EXPECT_GT(facts.at("memory").at("highest-pfn"), 262144) << "the guest must have memory there";
    expect_alive(b, restore_raw(b, Engine::libsr, file("stream"), shape), before);
}

/// The stock engine writes such a table as a hole and returns success.
TEST_F(StockDefects, DefectB_FailsTheSaveOfATableItCannotTranslate)
{
    for (const char* option : {"--bad-pte", "--bad-m2p"}) {
        SCOPED_TRACE(option);
        const FakeHost host{{"--memory", "128M", "--seed", "1"}};
        const std::string domid = create_guest(host, {.options = {option}});
        const std::uint64_t before = host.await_count(domid, 60);
        const Ended ended = xsr(host, {"save", domid, file("never.xl")});
        EXPECT_EQ(ended.status, exit_guest) << ended.all();
        const std::regex names_all{"L[1-4]TAB pfn 0x[0-9a-f]+: slot [0-9]+ .*mfn 0x[0-9a-f]+"};
        EXPECT_TRUE(std::regex_search(ended.errors, names_all)) << ended.errors;
        EXPECT_FALSE(std::filesystem::exists(file("never.xl")));
        EXPECT_GE(host.await_count(domid, before + 20), before + 20) << "it must run on\n"
                                                                     << host.log();
    }
}

/// The stock engine writes through a null pointer.
TEST_F(StockDefects, DefectC_RefusesPagesBeforeTheP2m)
{
    StreamPieces pieces = saved_pieces();
    std::erase_if(pieces.records, [](const RecordPiece& record) {
        return record.type == RecordType::x86_pv_p2m_frames;
    });
    expect_malformed(pieces, "record [0-9]+ PAGE_DATA at offset 0x[0-9a-f]+");
}

/// The stock engine stops at an assertion.
TEST_F(StockDefects, DefectC_RefusesATableThatNamesAFrameBeyondTheGuest)
{
    StreamPieces pieces = saved_pieces();
    const TablePlace place = find_l1_entry(pieces);
    constexpr std::uint64_t far_beyond = 0x7'0000'0000;
    store(std::span{place.record->body}, place.contents, (far_beyond << 12U) | 0x67U);
    expect_malformed(pieces, "PAGE_DATA.*0x700000000");
}

/// The stock engine checks the number in the record's head and lets the blob's own go to the hypervisor.
TEST_F(StockDefects, DefectI_RefusesAnExtendedBlobOfAnotherVcpu)
{
    StreamPieces pieces = saved_pieces();
    RecordPiece& extended = pieces.first(RecordType::x86_pv_vcpu_extended);
    store(std::span{extended.body}, 8, std::uint32_t{1});
    expect_malformed(pieces, "record [0-9]+ X86_PV_VCPU_EXTENDED at offset 0x[0-9a-f]+.*vCPU 1");
}

/// As many machine frames as fill the last 2 MiB of the M2P, which 1 GiB does wherever its frames begin: one entry more is
/// past the mapping.
TEST_F(StockDefects, DefectF_SavesOnAHostWhoseM2pEndsWithItsMapping)
{
    const FakeHost host{{"--memory", "1G", "--seed", "1"}};
    const auto list = parsed_json(host.fakexen({"list", "--json"}));
    ASSERT_EQ((list.at("max_mfn").get<std::uint64_t>() + 1) * 8 % (2U << 20U), 0U) << list;
    const std::string domid = create_guest(host, {});
    (void)host.await_count(domid, 60);
    save_raw(host, Engine::libsr, domid, file("stream"));
}

}  // namespace
}  // namespace sr::test
