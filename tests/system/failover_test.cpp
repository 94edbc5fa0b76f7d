// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_restore() of checkpointed streams whose sender may be alive: two copies of a guest must never run.
#include "libsr/base/fd_io.hpp"
#include "libsr/wire/limits.hpp"
#include "tests/system/saved_guest.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <unistd.h>

namespace {
/// No allocation of that many octets or more succeeds on this thread.
thread_local std::size_t too_many_octets = ~std::size_t{0};
}  // namespace

// Replaced for this whole test program, to run out of memory on cue: all forms, since those of a sanitizer do not call each
// other. Not inlined: g++ would see one half of a pair and take malloc and free for mismatched.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept
{
    return size >= too_many_octets ? nullptr : std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size)
{
    void* const memory = operator new(size, std::nothrow);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}
[[gnu::noinline]] void* operator new[](std::size_t size)
{
    return operator new(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace sr::test {
namespace {

class Failover : public SavedGuest {
protected:
    void SetUp() override
    {
        SavedGuest::SetUp();
        stream_ = join(checkpointed(saves_));
        // The head of a record that nobody knows, behind the second CHECKPOINT.
        const StreamPieces pieces = split(stream_);
        const auto boundaries = pieces.boundaries();
        std::size_t nr = 0;
        for (std::size_t i = 0; i < pieces.records.size() && nr != 2; ++i) {
            if (pieces.records[i].type == RecordType::checkpoint) {
                ++nr;
                nonsense_.assign(stream_.begin(),
                                 stream_.begin() + static_cast<long>(boundaries[i + 1]));
            }
        }
        const std::size_t end = nonsense_.size();
        nonsense_.resize(end + 8);
        store<std::uint32_t>(nonsense_, end, 0x1234);
    }

    /// A restore from a pipe into which someone writes `octets`, and closes it or not.
    int restore_from_pipe(Octets octets, bool closes)
    {
        Pipe pipe;
        std::jthread sender{[&, writer = pipe.writer.get()] {
            const SigpipeBlocked blocked;
            for (std::size_t sent = 0; sent < octets.size();) {
                const ssize_t n = ::write(writer, octets.data() + sent, octets.size() - sent);
                if (n <= 0) {
                    break;
                }
                sent += static_cast<std::size_t>(n);
            }
            if (closes) {
                pipe.writer = Fd{};
            }
        }};
        const int result = restore(pipe.reader.get(), SR_STREAM_REMUS);
        pipe.reader = Fd{};
        return result;
    }

    Octets stream_;
    Octets nonsense_;  ///< checkpoint 2, and then something unknown
};

TEST_F(Failover, IsRightWhenTheSenderEndsAfterNonsense)
{
    nonsense_.resize(nonsense_.size() + (std::size_t{2} << 20), std::byte{0x5a});
    ASSERT_EQ(restore_from_pipe(nonsense_, true), 0) << error_.message;
    EXPECT_TRUE(log_has("fails over to checkpoint 2"));
    expect_lives_on_from(1);
}

TEST_F(Failover, NeverComesWhileTheSenderTalksOn)
{
    nonsense_.resize(nonsense_.size() + limits::after_nonsense_max, std::byte{0x5a});
    EXPECT_EQ(restore_from_pipe(nonsense_, false), -1);
    EXPECT_EQ(error_.error_class, SR_ERROR_UNSUPPORTED) << error_.message;
    EXPECT_EQ(error_.guest, SR_GUEST_IN_STREAM);
    EXPECT_NE(std::strstr(error_.message, "its guest may run"), nullptr) << error_.message;
    EXPECT_FALSE(log_has("fails over"));
    expect_nothing_left();
}

TEST_F(Failover, IsNoAnswerToMemoryOfOurOwnThatRanOut)
{
    recorder_.at_checkpoint = [] { too_many_octets = page_size * 256; };
    const int result = restore(stream_, SR_STREAM_REMUS);
    too_many_octets = ~std::size_t{0};
    EXPECT_EQ(result, -1);
    EXPECT_EQ(calls_of_checkpoint(), 1U);
    EXPECT_FALSE(log_has("fails over"));
    expect_nothing_left();
}

}  // namespace
}  // namespace sr::test
