// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening, looking ahead and spooling.
#include "tools/xsr/input_file.hpp"

#include "libsr/base/fd_io.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sr {
namespace {

using Head = std::array<std::byte, 8>;

[[noreturn]] void cannot_look_ahead(const std::string& name)
{
    throw Error::from_errno(
        Errc::io, errno, "%s cannot be looked into: give a file, a pipe or a socket", name.c_str());
}

/// Octets of a pipe, copied to another one without taking them.
ssize_t peek_pipe(int fd, Head& head)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return -1;
    }
    const Fd out{ends[0]};
    const Fd in{ends[1]};
    const ssize_t copied = ::tee(fd, in.get(), head.size(), 0);
    return copied > 0 ? ::read(out.get(), head.data(), head.size()) : copied;
}

ssize_t peek_once(int fd, mode_t mode, Head& head)
{
    if (S_ISFIFO(mode)) {
        return peek_pipe(fd, head);
    }
    if (S_ISSOCK(mode)) {
        return ::recv(fd, head.data(), head.size(), MSG_PEEK | MSG_WAITALL);
    }
    const off_t at = ::lseek(fd, 0, SEEK_CUR);
    return at < 0 ? -1 : ::pread(fd, head.data(), head.size(), at);
}

/// A slow writer has put only part of the first 8 octets into a pipe: give it time for the rest.
bool more_may_come(int fd, ssize_t got, std::size_t wanted)
{
    if (got <= 0 || static_cast<std::size_t>(got) >= wanted) {
        return false;
    }
    pollfd hung_up{fd, 0, 0};
    constexpr int pause_ms = 20;  // poll cannot wait for "more than there is"
    return ::poll(&hung_up, 1, pause_ms) == 0;
}

Fd temporary_file()
{
    const char* directory = std::getenv("TMPDIR");  // NOLINT: nobody changes the environment here
    const std::string place = directory != nullptr ? directory : "/var/tmp";
    Fd file{::open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (!file) {
        throw Error::from_errno(Errc::io, errno, "cannot make a temporary file in %s (TMPDIR)",
                                place.c_str());
    }
    return file;
}

}  // namespace

Error in_file(const Error& error, const std::string& file_name)
{
    Error named = error;
    return named.with_prefix(file_name + ": ");
}

InputFile::InputFile(std::string path) : name_{std::move(path)}
{
    if (name_ == "-") {
        if (::isatty(STDIN_FILENO) == 1) {
            throw Error{Errc::usage, "standard input is a terminal: name a file or pipe one in"};
        }
        fd_ = Fd{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)};
        name_ = "standard input";
    } else {
        fd_ = Fd{::open(name_.c_str(), O_RDONLY | O_CLOEXEC)};
    }
    struct stat status {};
    if (!fd_ || ::fstat(fd_.get(), &status) != 0) {
        throw Error::from_errno(Errc::io, errno, "cannot open %s", name_.c_str()).with_call("open");
    }
    if (S_ISDIR(status.st_mode)) {
        throw Error{Errc::usage, "%s is a directory", name_.c_str()};
    }
    if (S_ISREG(status.st_mode)) {
        size_ = static_cast<std::uint64_t>(status.st_size);
    }
}

Head InputFile::peek() const
{
    struct stat status {};
    (void)::fstat(fd_.get(), &status);
    Head head{};
    ssize_t got = 0;
    do {
        got = peek_once(fd_.get(), status.st_mode, head);
    } while (more_may_come(fd_.get(), got, head.size()));
    if (got < 0) {
        cannot_look_ahead(name_);
    }
    return head;
}

void InputFile::make_seekable()
{
    if (size_) {
        return;
    }
    Fd spool = temporary_file();
    FdSource source{fd_.get()};
    FdSink sink{spool.get()};
    std::vector<std::byte> piece(std::size_t{1} << 20U);
    std::size_t got = 0;
    do {
        got = source.read_some(piece);
        sink.write(std::span{piece}.first(got));
    } while (got == piece.size());
    if (::lseek(spool.get(), 0, SEEK_SET) != 0) {
        throw Error::from_errno(Errc::io, errno, "rewinding a temporary file");
    }
    size_ = sink.position();
    fd_ = std::move(spool);
}

}  // namespace sr
