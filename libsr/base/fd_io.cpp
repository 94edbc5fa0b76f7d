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

/// The same pipe behind a file description of our own, or none (no /proc, no permission).
Fd reopen_pipe(int fd, int access) noexcept
{
    std::array<char, 32> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    return Fd{open(path.data(), access | O_NONBLOCK | O_CLOEXEC)};
}

}  // namespace

Channel::Channel(int fd, Direction direction, const CancelToken* cancel)
    : fd_{fd}, direction_{direction}, cancel_{cancel}
{
    struct stat status {};
    if (fstat(fd, &status) != 0) {
        throw Error::from_errno(Errc::io, errno, "descriptor %d", fd).with_call("fstat");
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
        const ssize_t moved = attempt(parts);
        if (moved >= 0) {
            return static_cast<std::size_t>(moved);
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
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
            const auto left = std::accumulate(
                parts.begin(), parts.end(), std::size_t{0},
                [](std::size_t sum, const iovec& part) { return sum + part.iov_len; });
            throw Error{Errc::io, "stream ends at offset %#" PRIx64 ", %zu octets short in %s",
                        position_, left, what};
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
