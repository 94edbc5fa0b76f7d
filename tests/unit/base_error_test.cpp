// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors where there is no memory to say what went wrong: a library must not end its caller's process.
#include "libsr/base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <new>

namespace {
thread_local bool memory_is_short = false;
}

// Replaced for this whole test program, to run out of memory on cue. Not inlined: g++ would see one half of a pair and
// take malloc and free for mismatched.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    void* const memory = memory_is_short ? nullptr : std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace sr {
namespace {

TEST(Error, IsThereWithoutMemoryToo)
{
    memory_is_short = true;
    const Error plain{Errc::malformed, "%s", "more than a string holds within itself"};
    const Error failed = Error::from_errno(Errc::io, ENOSPC, "%s", "writing the stream");
    memory_is_short = false;
    EXPECT_STREQ(plain.what(), "out of memory");
    EXPECT_EQ(plain.code(), Errc::malformed);
    EXPECT_STREQ(failed.what(), "out of memory");
    EXPECT_EQ(failed.errnum(), ENOSPC);
}

TEST(Error, NamesTheErrnoAndKeepsIt)
{
    const Error error = Error::from_errno(Errc::hypervisor, ENOMEM, "domain %d", 7);
    EXPECT_STREQ(error.what(), "domain 7: Cannot allocate memory");
    EXPECT_EQ(error.to_errno(), ENOMEM);
    EXPECT_EQ((Error{Errc::cancelled, "stopped"}.to_errno()), ECANCELED);
}

TEST(Error, SaysWhatFollows)
{
    Error error = Error::from_errno(Errc::io, EPIPE, "domain %d", 7);
    error.with_consequence("domain %d must not run", 8);
    EXPECT_STREQ(error.what(), "domain 7: Broken pipe; domain 8 must not run");
    EXPECT_EQ(error.to_errno(), EPIPE);
}

}  // namespace
}  // namespace sr
