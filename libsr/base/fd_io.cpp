// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading and writing descriptors so that neither EINTR, short transfers nor a blocked peer get in
// the way.
#include "libsr/base/fd_io.hpp"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <numeric>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sr {
namespace {

/// Takes `moved` octets off the front of `parts` and returns what is left of them.
std::span<iovec> without_front(std::span<iovec> parts, std::size_t moved) noexcept
{
    while (!parts.empty() && moved >= parts.front().iov_len) {
        moved -= parts.front().iov_len;
        parts = parts.subspan(1);
    }
    if (moved > 0) {
        iovec& part = parts.front();
        part.iov_base = static_cast<std::byte*>(part.iov_base) + moved;
        part.iov_len -= moved;
    }
    return parts;
}

/// As many octets of `parts` as `to` has room for. @return how many
std::size_t gather(std::span<const iovec> parts, std::span<std::byte> to) noexcept
{
    std::size_t done = 0;
    for (const iovec& part : parts) {
        const std::size_t length = std::min(part.iov_len, to.size() - done);
        std::memcpy(to.data() + done, part.iov_base, length);
        done += length;
    }
    return done;
}

/// Lays `from` out over `parts`, which have room for it.
void scatter(std::span<const std::byte> from, std::span<const iovec> parts) noexcept
{
    for (const iovec& part : parts) {
        const std::size_t length = std::min(part.iov_len, from.size());
        std::memcpy(part.iov_base, from.data(), length);
        from = from.subspan(length);
    }
}

std::size_t length_of(std::span<const iovec> parts) noexcept
{
    return std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                           [](std::size_t sum, const iovec& part) { return sum + part.iov_len; });
}

/// The same pipe behind a file description of our own, or none (no /proc, no permission).
Fd reopen_pipe(int fd, int access) noexcept
{
    std::array<char, 32> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    return Fd{open(path.data(), access | O_NONBLOCK | O_CLOEXEC)};
}

/// Gives a pipe room for a megabyte, what the kernel lets anybody have, if it has less and allows it: at 64 KiB the two ends
/// wake each other 16000 times a GiB.
void enlarge_pipe(int fd) noexcept
{
    constexpr int wanted = 1 << 20;
    if (const int has = fcntl(fd, F_GETPIPE_SZ); has > 0 && has < wanted) {
        (void)fcntl(fd, F_SETPIPE_SZ, wanted);
    }
}

}  // namespace

Channel::Channel(int fd, Direction direction, const CancelToken* cancel)
    : fd_{fd}, direction_{direction}, cancel_{cancel}
{
    struct stat status {};
    if (fstat(fd, &status) != 0) {
        throw Error::from_errno(Errc::io, errno, "descriptor %d", fd).with_call("fstat");
    }
    is_file_ = S_ISREG(status.st_mode);
    if (S_ISFIFO(status.st_mode)) {
        enlarge_pipe(fd);
    }
    if (cancel == nullptr) {
        return;
    }
    if (S_ISSOCK(status.st_mode)) {
        kind_ = Kind::socket;
    } else if (S_ISFIFO(status.st_mode)) {
        reopened_ = reopen_pipe(fd, direction == Direction::read ? O_RDONLY : O_WRONLY);
        kind_ = reopened_ ? Kind::private_pipe : Kind::plain;
    }
}

ssize_t Channel::attempt(std::span<iovec> parts) const noexcept
{
    const auto nr_parts = std::min<std::size_t>(parts.size(), IOV_MAX);
    if (kind_ == Kind::socket) {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = nr_parts;
        return direction_ == Direction::read ? recvmsg(fd_, &message, MSG_DONTWAIT)
                                             : sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    const int fd = kind_ == Kind::private_pipe ? reopened_.get() : fd_;
    return direction_ == Direction::read ? readv(fd, parts.data(), static_cast<int>(nr_parts))
                                         : writev(fd, parts.data(), static_cast<int>(nr_parts));
}

ssize_t Channel::attempt_by_copy(std::span<iovec> parts) noexcept
{
    const std::span<std::byte> room{copies_->octets};
    const bool reading = direction_ == Direction::read;
    iovec copy = iovec_of(
        room.first(reading ? std::min(length_of(parts), room.size()) : gather(parts, room)));
    const ssize_t moved = attempt({&copy, 1});
    if (reading && moved > 0) {
        scatter(room.first(static_cast<std::size_t>(moved)), parts);
    }
    return moved;
}

void Channel::wait_until_ready() const
{
    const short wanted = direction_ == Direction::read ? POLLIN : POLLOUT;
    std::array<pollfd, 2> fds{};
    fds[0] = {kind_ == Kind::private_pipe ? reopened_.get() : fd_, wanted, 0};
    fds[1] = {cancel_ != nullptr ? cancel_->poll_fd() : -1, POLLIN, 0};
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
        throw Error::from_errno(Errc::io, errno, "waiting for the stream").with_call("poll");
    }
}

std::size_t Channel::transfer(std::span<iovec> parts)
{
    while (true) {
        if (cancel_ != nullptr) {
            cancel_->check();
        }
        const ssize_t moved = copies_ ? attempt_by_copy(parts) : attempt(parts);
        if (moved >= 0) {
            return static_cast<std::size_t>(moved);
        }
        if (errno == EFAULT && is_file_ && !copies_) {
            copies_ = std::make_unique<CopyBuffer>();
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait_until_ready();
        } else if (errno != EINTR) {
            const bool reading = direction_ == Direction::read;
            throw Error::from_errno(Errc::io, errno, "%s the stream",
                                    reading ? "reading" : "writing")
                .with_call(reading ? "readv" : "writev");
        }
    }
}

std::size_t FdSource::read_some(std::span<std::byte> to)
{
    std::size_t got = 0;
    while (got < to.size()) {
        iovec part = iovec_of(to.subspan(got));
        const std::size_t moved = channel_.transfer({&part, 1});
        if (moved == 0) {
            break;
        }
        got += moved;
        position_ += moved;
    }
    return got;
}

void FdSource::read_scattered(std::span<iovec> parts, const char* what)
{
    parts = without_front(parts, 0);
    while (!parts.empty()) {
        const std::size_t moved = channel_.transfer(parts);
        if (moved == 0) {
            throw Error{Errc::io, "stream ends at offset %#" PRIx64 ", %zu octets short in %s",
                        position_, length_of(parts), what};
        }
        position_ += moved;
        parts = without_front(parts, moved);
    }
}

void FdSink::write_gathered(std::span<iovec> parts)
{
    const SigpipeBlocked no_signal;
    parts = without_front(parts, 0);
    while (!parts.empty()) {
        const std::size_t moved = channel_.transfer(parts);
        position_ += moved;
        parts = without_front(parts, moved);
    }
}

SigpipeBlocked::SigpipeBlocked() noexcept
{
    sigset_t pending;
    sigemptyset(&pending);
    (void)sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &sigpipe, &before_);
}

SigpipeBlocked::~SigpipeBlocked()
{
    if (!was_pending_) {
        // Take the signal that our own EPIPE raised, if any, before it can be delivered.
        sigset_t sigpipe;
        sigemptyset(&sigpipe);
        sigaddset(&sigpipe, SIGPIPE);
        const timespec at_once{};
        while (sigtimedwait(&sigpipe, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace sr
