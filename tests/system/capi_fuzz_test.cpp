// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole restores of streams with random damage, each of which ends in a domain or in a sentence and nothing else.
#include "libsr/wire/records.hpp"
#include "tests/support/json.hpp"
#include "tests/system/capi_support.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace sr::test {
namespace {

/// $SR_FUZZ_RUNS streams of each kind, for a longer look; else a few.
int nr_runs()
{
    const char* const wanted = std::getenv("SR_FUZZ_RUNS");
    return wanted != nullptr ? std::atoi(wanted) : 15;
}

std::uint64_t free_frames()
{
    const auto answer = parsed_json(world().host.fakexen({"list", "--json"}));
    return answer.at("free_frames");
}

class Damage {
public:
    explicit Damage(unsigned seed) : random_{seed} {}

    [[nodiscard]] std::size_t below(std::size_t end)
    {
        return std::uniform_int_distribution<std::size_t>{0, end - 1}(random_);
    }

    /// A number of 8 octets that somebody might not expect.
    [[nodiscard]] std::uint64_t odd_number()
    {
        const std::uint64_t bit = std::uint64_t{1} << below(64);
        const std::uint64_t small = below(8192);
        const std::uint64_t numbers[] = {0,     ~std::uint64_t{0},  bit,     bit - 1,
                                         small, small << 12 | 0x67, bit | 1, small | bit};
        return numbers[below(std::size(numbers))];
    }

    /// Puts one into a record: near its beginning, where heads and lists are, as often as not.
    void hurt(RecordPiece& record)
    {
        if (record.body.size() < 8) {
            return;
        }
        const std::size_t room = record.body.size() - 7;
        const std::size_t at =
            below(2) == 0 ? below(std::min<std::size_t>(room, 128)) : below(room);
        if (below(2) == 0) {
            record.body[at] ^= static_cast<std::byte>(1U << below(8));
        } else {
            store(record.body, at, odd_number());
        }
    }

    void hurt(StreamPieces& pieces)
    {
        const std::size_t which = below(pieces.records.size());
        RecordPiece& record = pieces.records[which];
        switch (below(8)) {
        case 0:
            record.body.resize(below(record.body.size() + 64));
            break;
        case 1:
            std::swap(record, pieces.records[below(pieces.records.size())]);
            break;
        case 2:
            pieces.records.insert(pieces.records.begin() +
                                      static_cast<std::ptrdiff_t>(below(pieces.records.size())),
                                  RecordPiece{record});
            break;
        default:
            hurt(record);
            break;
        }
    }

private:
    std::mt19937_64 random_;
};

/// One restore. @return true if the domain was completed
bool restores(const Octets& stream)
{
    const auto domain = new_domain();
    const MemoryFile file{stream};
    Recorder recorder;
    const sr_restore_options options = restore_options(*domain);
    const sr_restore_ops ops = recorder.restore_ops();
    sr_error error = fresh_error();
    const bool done = sr_restore(world().engine.get(), domain->id(), file.fd(), &options, &ops,
                                 &recorder, &error) == 0;
    EXPECT_EQ(recorder.results.size(), done ? 1U : 0U);
    if (!done) {
        EXPECT_NE(error.error_class, SR_ERROR_INTERNAL) << error.message;
        EXPECT_NE(error.error_class, SR_ERROR_USAGE) << error.message;
        EXPECT_NE(std::string{error.message}, "");
        if (std::getenv("SR_FUZZ_TELL") != nullptr) {
            std::printf("%s\n", error.message);
        }
    }
    return done;
}

/// No frame stays behind, whatever the streams were.
template <typename Fn>
void expect_no_frame_lost(Fn&& fn)
{
    (void)whole_stream();
    const std::uint64_t before = free_frames();
    fn();
    EXPECT_EQ(free_frames(), before);
}

TEST(CapiFuzz, AnyTruncationFails)
{
    expect_no_frame_lost([] {
        Damage damage{1};
        const Octets& whole = whole_stream();
        for (int run = 0; run < nr_runs(); ++run) {
            // Not in page contents only, which are most of it.
            const std::size_t edge = damage.below(16384);
            const std::size_t length = run % 2 == 0 ? edge : whole.size() - 1 - edge;
            SCOPED_TRACE(length);
            EXPECT_FALSE(
                restores({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}));
        }
    });
}

TEST(CapiFuzz, DamagedRecordsEndInADomainOrASentence)
{
    expect_no_frame_lost([] {
        for (int run = 0; run < nr_runs(); ++run) {
            SCOPED_TRACE(run);
            Damage damage{static_cast<unsigned>(run)};
            StreamPieces pieces = split(whole_stream());
            for (std::size_t nr = 1 + damage.below(3); nr > 0; --nr) {
                damage.hurt(pieces);
            }
            (void)restores(join(pieces));
        }
    });
}

TEST(CapiFuzz, DamagedOctetsEndInADomainOrASentence)
{
    expect_no_frame_lost([] {
        for (int run = 0; run < nr_runs(); ++run) {
            SCOPED_TRACE(run);
            Damage damage{static_cast<unsigned>(run)};
            Octets stream = whole_stream();
            const std::size_t first = 40;  // behind the headers
            for (std::size_t nr = 1 + damage.below(4); nr > 0; --nr) {
                const std::size_t room = stream.size() - first;
                const std::size_t at =
                    first + (damage.below(2) == 0 ? damage.below(12288) : damage.below(room));
                stream[at] = static_cast<std::byte>(damage.below(256));
            }
            (void)restores(stream);
        }
    });
}

}  // namespace
}  // namespace sr::test
