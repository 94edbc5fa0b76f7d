// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors: short transfers, peers that block or go away, and requests to stop.
#include "libsr/base/fd_io.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace sr::test {
namespace {

struct Pair {
    Fd reader;
    Fd writer;
};

Pair make_pipe()
{
    std::array<int, 2> fds{};
    EXPECT_EQ(pipe(fds.data()), 0);
    return {Fd{fds[0]}, Fd{fds[1]}};
}

Pair make_sockets()
{
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
    return {Fd{fds[0]}, Fd{fds[1]}};
}

Octets pattern(std::size_t length)
{
    Octets octets(length);
    for (std::size_t i = 0; i < length; ++i) {
        octets[i] = static_cast<std::byte>(i * 31 % 251);
    }
    return octets;
}

void expect_transfer(const Pair& pair)
{
    const Octets sent = pattern(3U << 20);  // far more than a pipe holds
    std::thread writer{[&] {
        const CancelToken cancel;
        FdSink sink{pair.writer.get(), &cancel};
        std::array parts{iovec_of(std::span{sent}.first(7)),
                         iovec_of(std::span{sent}.subspan(7, 0)),
                         iovec_of(std::span{sent}.subspan(7))};
        sink.write_gathered(parts);
        EXPECT_EQ(sink.position(), sent.size());
    }};
    const CancelToken cancel;
    FdSource source{pair.reader.get(), &cancel};
    Octets got(sent.size());
    const std::span all{got};
    source.read_exact(all.first(5), "the first octets");
    std::array parts{iovec_of(all.subspan(5, 4096)), iovec_of(all.subspan(4101))};
    source.read_scattered(parts, "the rest");
    writer.join();
    EXPECT_EQ(source.position(), sent.size());
    EXPECT_TRUE(got == sent);
}

TEST(FdIo, MovesAllThroughAPipe)
{
    expect_transfer(make_pipe());
}

TEST(FdIo, MovesAllThroughASocket)
{
    expect_transfer(make_sockets());
}

TEST(FdIo, LeavesTheCallersFlagsAlone)
{
    const Pair pipe = make_pipe();
    const CancelToken cancel;
    const FdSink sink{pipe.writer.get(), &cancel};
    EXPECT_EQ(fcntl(pipe.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

void expect_write_cancelled(const Pair& pair)
{
    CancelToken cancel;
    FdSink sink{pair.writer.get(), &cancel};
    std::thread other{[&] { cancel.cancel(); }};
    const Octets endless = pattern(8U << 20);
    EXPECT_EQ(error_of([&] {
                  while (true) {
                      sink.write(endless);  // nobody reads: it blocks
                  }
              }),
              Errc::cancelled);
    other.join();
}

TEST(FdIo, CancelReachesAWriteThatBlocks)
{
    expect_write_cancelled(make_pipe());
    expect_write_cancelled(make_sockets());
}

TEST(FdIo, CancelReachesAReadThatBlocks)
{
    for (const Pair& pair : {make_pipe(), make_sockets()}) {
        CancelToken cancel;
        FdSource source{pair.reader.get(), &cancel};
        std::thread other{[&] { cancel.cancel(); }};
        std::array<std::byte, 8> octets{};
        EXPECT_EQ(error_of([&] { source.read_exact(octets, "never"); }), Errc::cancelled);
        other.join();
    }
}

TEST(FdIo, AReaderThatGoesAwayIsAnErrorAndNoSignal)
{
    Pair pipe = make_pipe();
    pipe.reader = Fd{};
    FdSink sink{pipe.writer.get()};
    EXPECT_EQ(error_of([&] { sink.write(pattern(8)); }), Errc::io);
}

TEST(FdIo, SigpipeIsAsBeforeAfterwards)
{
    {
        const SigpipeBlocked no_signal;
        (void)std::raise(SIGPIPE);
    }
    sigset_t now;
    ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &now), 0);
    EXPECT_EQ(sigismember(&now, SIGPIPE), 0);  // and we live: what was raised was taken
}

/// Memory of the kernel's that no file system can pin, as it cannot pin a foreign mapping; empty where there is none.
std::span<std::byte> unpinnable_page()
{
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        if (line.ends_with("[vvar]")) {
            const auto address = static_cast<std::uintptr_t>(std::stoull(line, nullptr, 16));
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast,performance-no-int-to-ptr): as /proc has it
            return {reinterpret_cast<std::byte*>(address), 4096};
        }
    }
    return {};
}

TEST(FdIo, GoesThroughMemoryOfItsOwnWhereAFileSystemMustPinPages)
{
    const Fd file{open(".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600)};
    const auto page = unpinnable_page();
    if (!file || page.empty()) {
        GTEST_SKIP() << "no direct I/O here, or no [vvar]";
    }
    iovec direct = iovec_of(page);
    if (writev(file.get(), &direct, 1) >= 0 || errno != EFAULT) {
        GTEST_SKIP() << "this file system takes any page";
    }
    FdSink sink{file.get()};
    sink.write(page);
    sink.write(page);
    EXPECT_EQ(lseek(file.get(), 0, SEEK_END), 8192);
}

TEST(FdIo, SaysWhatAStreamEndsIn)
{
    Pair pipe = make_pipe();
    ASSERT_EQ(write(pipe.writer.get(), "abc", 3), 3);
    pipe.writer = Fd{};
    FdSource source{pipe.reader.get()};
    std::array<std::byte, 8> octets{};
    try {
        source.read_exact(octets, "a record head");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::io);
        EXPECT_STREQ(error.what(), "stream ends at offset 0x3, 5 octets short in a record head");
    }
}

}  // namespace
}  // namespace sr::test
