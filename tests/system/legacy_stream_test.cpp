// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams as senders of old left them: from before Xen 4.6, through Xen's own converter, and with vCPU records that are
// absent or empty.
#include "libsr/base/bytes.hpp"
#include "tests/system/engines.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace sr::test {
namespace {

// What Debian's xen-utils-4.17 installs.
constexpr const char* stock_converter = "/usr/lib/xen-4.17/bin/convert-legacy-stream";
constexpr const char* stock_python = "/usr/lib/xen-4.17/lib/python";

constexpr std::size_t vcpu_head = 8;  // octets before a vCPU record's blob

template <typename T>
void add(Octets& to, const T& value)
{
    const auto octets = std::as_bytes(std::span{&value, 1});
    to.insert(to.end(), octets.begin(), octets.end());
}

void erase(StreamPieces& pieces, RecordType type)
{
    std::erase_if(pieces.records, [&](const RecordPiece& piece) { return piece.type == type; });
}

/// A stream as xc_domain_save of Xen 4.5 wrote it (tools/libxc/xg_save_restore.h there), for a 64-bit toolstack: the size
/// of the p2m, blocks of "extended info", the frames of the p2m, chunks that begin with a number, then the vCPUs and
/// shared_info.
class LegacyStream {
public:
    explicit LegacyStream(const StreamPieces& pieces)
    {
        for (const RecordPiece& piece : pieces.records) {
            sort(piece);
        }
        const auto& p2m = body_of(pieces, RecordType::x86_pv_p2m_frames);
        put(std::uint64_t{load<std::uint32_t>(p2m, 4)} + 1);
        put_extended_info();
        put_octets(std::span{p2m}.subspan(8));
        put_octets(chunks_);
        put_vcpu_chunk();
        put_tsc_chunk(body_of(pieces, RecordType::x86_tsc_info));
        put(std::int32_t{0});   // the last chunk
        put(std::uint32_t{0});  // pfns that were not mapped: none
        for (const auto& [vcpu, blobs] : vcpus_) {
            put_vcpu(blobs);
        }
        put_octets(body_of(pieces, RecordType::shared_info));
    }

    [[nodiscard]] const Octets& octets() const noexcept { return octets_; }

private:
    struct Blobs {
        Octets basic;
        Octets extended;
        Octets xsave;
    };
    static constexpr std::size_t extended_length = 128;  // of the domctl's union, not of its member

    static const Octets& body_of(const StreamPieces& pieces, RecordType type)
    {
        for (const RecordPiece& piece : pieces.records) {
            if (piece.type == type) {
                return piece.body;
            }
        }
        throw std::runtime_error{"no such record"};
    }

    template <typename T>
    void put(T value)
    {
        add(octets_, value);
    }
    void put_octets(std::span<const std::byte> octets)
    {
        octets_.insert(octets_.end(), octets.begin(), octets.end());
    }

    void sort(const RecordPiece& piece)
    {
        using enum RecordType;
        if (piece.type == page_data) {
            return add_chunk(piece.body);
        }
        if (piece.type != x86_pv_vcpu_basic && piece.type != x86_pv_vcpu_extended &&
            piece.type != x86_pv_vcpu_xsave) {
            return;
        }
        Blobs& blobs = vcpus_[load<std::uint32_t>(piece.body, 0)];
        Octets& blob = piece.type == x86_pv_vcpu_basic      ? blobs.basic
                       : piece.type == x86_pv_vcpu_extended ? blobs.extended
                                                            : blobs.xsave;
        blob.assign(piece.body.begin() + vcpu_head, piece.body.end());
    }

    /// A batch: how many, words of a type in bits 31:28 and a pfn below, contents.
    void add_chunk(const Octets& body)
    {
        const auto count = load<std::uint32_t>(body, 0);
        add(chunks_, static_cast<std::int32_t>(count));
        for (std::size_t i = 0; i < count; ++i) {
            const auto word = load<std::uint64_t>(body, 8 + i * 8);
            add(chunks_, (word >> 60U) << 28U | (word & 0x0fff'ffffU));
        }
        chunks_.insert(chunks_.end(), body.begin() + 8 + static_cast<std::ptrdiff_t>(count) * 8,
                       body.end());
    }

    void put_block(const char* name, std::span<const std::byte> block)
    {
        put_octets(std::as_bytes(std::span{name, 4}));
        put(static_cast<std::uint32_t>(block.size()));
        put_octets(block);
    }

    void put_extended_info()
    {
        const Blobs& first = vcpus_.at(0);
        put(~std::uint64_t{0});
        put(static_cast<std::uint32_t>(3 * 8 + first.basic.size() + 4));
        put_block("vcpu", first.basic);  // its length tells the guest's width
        put_block("extv", {});
        Octets xsave_length;
        add(xsave_length, static_cast<std::uint32_t>(first.xsave.size() + 16));
        put_block("xcnt", xsave_length);
    }

    void put_vcpu_chunk()
    {
        put(std::int32_t{-2});
        const std::uint32_t highest = vcpus_.rbegin()->first;
        put(static_cast<std::int32_t>(highest));
        std::vector<std::uint64_t> online(highest / 64 + 1);
        for (const auto& [vcpu, blobs] : vcpus_) {
            online[vcpu / 64] |= std::uint64_t{1} << vcpu % 64;
        }
        put_octets(std::as_bytes(std::span{online}));
    }

    void put_tsc_chunk(const Octets& tsc)
    {
        put(std::int32_t{-7});
        put(load<std::uint32_t>(tsc, 0));   // mode
        put(load<std::uint64_t>(tsc, 8));   // nanoseconds
        put(load<std::uint32_t>(tsc, 4));   // kHz
        put(load<std::uint32_t>(tsc, 16));  // incarnation
    }

    void put_vcpu(const Blobs& blobs)
    {
        put_octets(blobs.basic);
        put_octets(blobs.extended);
        octets_.resize(octets_.size() + extended_length - blobs.extended.size());
        put(load<std::uint64_t>(blobs.xsave, 0));  // a feature mask
        put(std::uint64_t{blobs.xsave.size()});
        put_octets(blobs.xsave);
    }

    Octets octets_;
    Octets chunks_;
    std::map<std::uint32_t, Blobs> vcpus_;
};

class LegacyStreams : public testing::TestWithParam<const char*> {
protected:
    /// A stream of a guest that ran for a while, in pieces.
    [[nodiscard]] StreamPieces saved_pieces()
    {
        const FakeHost source{{"--memory", "256M", "--seed", "1"}};
        const std::string domid = create_guest(source, shape_);
        count_ = source.await_count(domid, 30);
        save_raw(source, Engine::libsr, domid, file("saved"));
        return split(read_file(file("saved")));
    }

    void expect_restores(const std::string& stream) const
    {
        const FakeHost host{{"--memory", "256M", "--seed", "2"}};
        expect_alive(host, restore_raw(host, Engine::libsr, stream, shape_), count_);
    }

    [[nodiscard]] std::string written(const StreamPieces& pieces) const
    {
        write_file(file("changed"), join(pieces));
        return file("changed");
    }
    [[nodiscard]] std::string file(const char* name) const { return files_.path() + "/" + name; }

    GuestShape shape_{
        .memory_mib = 16, .nr_vcpus = 2, .options = {"--plain-vcpus", "--bits", GetParam()}};
    std::uint64_t count_ = 0;
    TemporaryDirectory files_;
};

/// Before Xen 4.6, through Xen's converter. It writes a domain header of Xen "0.1", 128 octets of EXTENDED, and
/// SHARED_INFO last.
TEST_P(LegacyStreams, AConvertedLegacyStreamIsRestored)
{
    if (!std::filesystem::exists(stock_converter)) {
        GTEST_FAIL() << stock_converter << " is missing; ./bootstrap installs it";
    }
    write_file(file("legacy"), LegacyStream{saved_pieces()}.octets());
    const Ended converted =
        run_command({"/usr/bin/python3", stock_converter, "-i", file("legacy"), "-o",
                     file("converted"), "-w", "64", "-g", "pv", "-f", "libxc"},
                    {{"PYTHONPATH", stock_python}});
    ASSERT_EQ(converted.status, 0) << converted.all();
    expect_stock_verifier_accepts(file("converted"), "libxc");
    expect_restores(file("converted"));
}

/// Xen 4.6 to 4.8 wrote vCPU records without content; hosts without XSAVE write none.
TEST_P(LegacyStreams, VcpuRecordsMayBeEmptyOrAbsent)
{
    StreamPieces pieces = saved_pieces();
    for (RecordPiece& piece : pieces.records) {
        if (piece.type == RecordType::x86_pv_vcpu_extended ||
            piece.type == RecordType::x86_pv_vcpu_msrs) {
            piece.body.resize(vcpu_head);
        }
    }
    erase(pieces, RecordType::x86_pv_vcpu_xsave);
    expect_restores(written(pieces));
}

INSTANTIATE_TEST_SUITE_P(Bits, LegacyStreams, testing::Values("64", "32"),
                         [](const auto& test) { return std::string{test.param}; });

}  // namespace
}  // namespace sr::test
