// SPDX-License-Identifier: LGPL-2.1-or-later
// Children that write or read a pipe as fast as they can.
#include "tests/bench/pipe_peer.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sr::bench {
namespace {

constexpr std::size_t drain_octets = std::size_t{1} << 20;
constexpr std::size_t feed_octets = std::size_t{4} << 20;

struct Pipe {
    Fd read_end;
    Fd write_end;
};

Pipe make_pipe(int size)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw Error::from_errno(Errc::io, errno, "pipe");
    }
    if (size != 0 && ::fcntl(ends[0], F_SETPIPE_SZ, size) < 0) {
        throw Error::from_errno(Errc::io, errno, "a pipe of %d octets", size);
    }
    return {Fd{ends[0]}, Fd{ends[1]}};
}

pid_t forked()
{
    const pid_t child = ::fork();
    if (child < 0) {
        throw Error::from_errno(Errc::io, errno, "fork");
    }
    return child;
}

[[noreturn]] void drain(int fd)
{
    const auto buffer = std::make_unique<char[]>(drain_octets);
    while (::read(fd, buffer.get(), drain_octets) > 0) {
    }
    ::_exit(0);
}

struct FileOctets {
    char* begin;
    std::size_t length;
};

/// A file in memory, every page of it present.
FileOctets map_file(const std::string& path)
{
    const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        throw Error::from_errno(Errc::io, errno, "%s", path.c_str());
    }
    const auto length = static_cast<std::size_t>(status.st_size);
    void* at = ::mmap(nullptr, length, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
    if (at == MAP_FAILED) {
        throw Error::from_errno(Errc::io, errno, "mapping %s", path.c_str());
    }
    return {static_cast<char*>(at), length};
}

[[noreturn]] void feed(int fd, FileOctets file)
{
    while (file.length > 0) {
        const ssize_t moved = ::write(fd, file.begin, std::min(file.length, feed_octets));
        if (moved <= 0) {
            ::_exit(1);
        }
        file.begin += moved;
        file.length -= static_cast<std::size_t>(moved);
    }
    ::_exit(0);
}

}  // namespace

PipePeer PipePeer::draining(int size)
{
    Pipe pipe = make_pipe(size);
    const pid_t child = forked();
    if (child == 0) {
        pipe.write_end = Fd{};
        drain(pipe.read_end.get());
    }
    return {std::move(pipe.write_end), child};
}

PipePeer PipePeer::feeding(const std::string& file, int size)
{
    const FileOctets octets = map_file(file);
    Pipe pipe = make_pipe(size);
    const pid_t child = forked();
    if (child == 0) {
        pipe.read_end = Fd{};
        // What is inherited is mapped anew at the first touch: that is not to be timed.
        (void)::madvise(octets.begin, octets.length, MADV_POPULATE_READ);
        feed(pipe.write_end.get(), octets);
    }
    (void)::munmap(octets.begin, octets.length);
    return {std::move(pipe.read_end), child};
}

PipePeer::PipePeer(PipePeer&& other) noexcept
    : ours_{std::move(other.ours_)}, child_{std::exchange(other.child_, -1)}
{
}

PipePeer::~PipePeer()
{
    ours_ = Fd{};
    if (child_ > 0) {
        (void)::waitpid(child_, nullptr, 0);
    }
}

}  // namespace sr::bench
