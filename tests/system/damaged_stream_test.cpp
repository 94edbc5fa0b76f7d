// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole restores of streams that are cut off, damaged or hostile: one sentence, and nothing left on the host.
#include "tests/system/engines.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace sr::test {
namespace {

constexpr int exit_io = 3;
constexpr int exit_unsupported = 5;

/// One stream of a small guest, saved once for all tests here.
class DamagedStream : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        const TemporaryDirectory files;
        const FakeHost source{{"--memory", "128M", "--seed", "1"}};
        const std::string domid = create_guest(source, shape);
        (void)source.await_count(domid, 30);
        save_raw(source, Engine::libsr, domid, files.path() + "/stream");
        whole = read_file(files.path() + "/stream");
    }

    [[nodiscard]] Ended restore(const Octets& stream) const
    {
        const std::string file = files_.path() + "/damaged";
        write_file(file, stream);
        return xsr(host_,
                   {"restore", "-p", "--name", "guest", "--memory", "12M", "--vcpus", "2", file});
    }

    /// A restore that must fail so, say why in one line, and leave nothing.
    void expect_refused(const Octets& stream, int status, const std::string& word) const
    {
        const Ended ended = restore(stream);
        EXPECT_EQ(ended.status, status) << ended.all();
        EXPECT_NE(ended.errors.find(word), std::string::npos)
            << "no \"" << word << "\" in " << ended.errors;
        EXPECT_EQ(domains_of(host_), std::vector<unsigned>{});
    }

    static inline const GuestShape shape{.memory_mib = 8, .nr_vcpus = 2, .options = {}};
    static inline Octets whole;
    TemporaryDirectory files_;
    FakeHost host_{{"--memory", "128M", "--seed", "3"}};
};

TEST_F(DamagedStream, IsRestoredWhereItIsWhole)
{
    EXPECT_EQ(join(split(whole)), whole);
    const Ended ended = restore(whole);
    EXPECT_EQ(ended.status, 0) << ended.all();
    EXPECT_EQ(domains_of(host_), std::vector<unsigned>{1});
}

TEST_F(DamagedStream, CutOffAroundEachRecordBoundaryLeavesNothing)
{
    const std::vector<std::size_t> boundaries = split(whole).boundaries();
    ASSERT_EQ(boundaries.back(), whole.size());
    for (const std::size_t boundary : boundaries) {
        for (const int step : {-1, 0, 1}) {
            const std::size_t length = boundary + static_cast<std::size_t>(step);
            if (length >= whole.size()) {
                continue;
            }
            SCOPED_TRACE(length);
            expect_refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)},
                           exit_io, "ends");
        }
    }
}

TEST_F(DamagedStream, EachRecordButOneMissingIsRefused)
{
    const StreamPieces pieces = split(whole);
    for (std::size_t i = 0; i < pieces.records.size(); ++i) {
        const RecordType type = pieces.records[i].type;
        const bool optional =
            type == RecordType::x86_cpuid_policy || type == RecordType::x86_msr_policy ||
            type == RecordType::x86_tsc_info || type == RecordType::x86_pv_vcpu_extended ||
            type == RecordType::x86_pv_vcpu_xsave || type == RecordType::x86_pv_vcpu_msrs;
        if (optional) {
            continue;
        }
        SCOPED_TRACE(std::string{name_of(type)} + " " + std::to_string(i));
        StreamPieces damaged = pieces;
        damaged.records.erase(damaged.records.begin() + static_cast<std::ptrdiff_t>(i));
        const Ended ended = restore(join(damaged));
        EXPECT_NE(ended.status, 0);
        EXPECT_LT(ended.status, 128) << ended.all();
        EXPECT_EQ(domains_of(host_), std::vector<unsigned>{});
    }
}

TEST_F(DamagedStream, AnUnknownMandatoryRecordIsRefusedByNumberAndOffset)
{
    StreamPieces pieces = split(whole);
    char where[64];
    (void)std::snprintf(where, sizeof where, "record 2 unknown at offset %#zx",
                        pieces.boundaries().at(2));
    pieces.records.insert(pieces.records.begin() + 2, {static_cast<RecordType>(0x77), Octets(8)});
    expect_refused(join(pieces), exit_unsupported, where);
}

TEST_F(DamagedStream, AnUnknownOptionalRecordIsSkipped)
{
    StreamPieces pieces = split(whole);
    pieces.records.insert(pieces.records.begin() + 2,
                          {static_cast<RecordType>(0x80000077), Octets(8)});
    EXPECT_EQ(restore(join(pieces)).status, 0) << restore(join(pieces)).all();
}

TEST_F(DamagedStream, ALengthThatNobodyMayClaimIsRefusedBeforeAnythingIsAllocated)
{
    Octets stream = whole;
    const std::size_t head = split(whole).boundaries().at(1);
    for (std::size_t i = 4; i < 8; ++i) {
        stream.at(head + i) = std::byte{0xff};
    }
    const Ended ended = restore(stream);
    EXPECT_NE(ended.status, 0);
    EXPECT_LT(ended.status, 128) << ended.all();
    EXPECT_EQ(domains_of(host_), std::vector<unsigned>{});
}

}  // namespace
}  // namespace sr::test
