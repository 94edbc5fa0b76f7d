// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocking descriptors, never written to or read from unless poll says that this does not block.
#include "tools/save-helper/libxl_link.hpp"

#include "tools/save-helper/signals_blocked.hpp"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <span>
#include <unistd.h>

namespace sr {
namespace {

constexpr short hung_up = POLLHUP | POLLERR | POLLNVAL | POLLRDHUP;

}  // namespace

LibxlLink::LibxlLink(sr_job* job) : job_{job}
{
    const AllSignalsBlocked none_for_it;  // a thread starts with the mask of the one that makes it
    watcher_ = std::thread{[this] { watch(); }};
}

LibxlLink::~LibxlLink()
{
    end_watch();
}

void LibxlLink::end_watch() noexcept
{
    end_.cancel();
    if (watcher_.joinable()) {
        watcher_.join();
    }
}

void LibxlLink::give_up(int status) noexcept
{
    int there = 0;
    (void)gone_.compare_exchange_strong(there, status);
    sr_cancel(job_);
}

void LibxlLink::watch() noexcept
{
    std::array<pollfd, 3> fds{
        pollfd{STDIN_FILENO, POLLRDHUP, 0}, {STDOUT_FILENO, 0, 0}, {end_.poll_fd(), POLLIN, 0}};
    while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
    if ((fds[0].revents & hung_up) != 0) {
        give_up(does_not_answer);
    } else if ((fds[1].revents & hung_up) != 0) {
        give_up(does_not_listen);
    }
}

/// Whether fd is ready, having waited for it; false if libxl is gone.
bool LibxlLink::wait_for(int fd, short events) noexcept
{
    const int other = fd == STDIN_FILENO ? STDOUT_FILENO : STDIN_FILENO;
    while (gone_.load() == 0) {
        std::array<pollfd, 2> fds{pollfd{fd, events, 0}, {other, 0, 0}};
        if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
            break;
        }
        if (fds[0].revents != 0) {
            return true;  // ready, or the read or write will say what is wrong
        }
        if ((fds[1].revents & hung_up) != 0) {
            break;
        }
    }
    give_up(fd == STDIN_FILENO ? does_not_listen : does_not_answer);
    return false;
}

void LibxlLink::tell(const Octets& message) noexcept
{
    std::span<const std::byte> left{message};
    while (!left.empty() && wait_for(STDOUT_FILENO, POLLOUT)) {
        // A pipe that is ready takes this many octets without blocking.
        const auto head = left.first(std::min<std::size_t>(left.size(), PIPE_BUF));
        const ssize_t wrote = write(STDOUT_FILENO, head.data(), head.size());
        if (wrote > 0) {
            left = left.subspan(static_cast<std::size_t>(wrote));
        } else if (errno != EINTR && errno != EAGAIN) {
            give_up(does_not_listen);
        }
    }
}

int LibxlLink::ask(const Octets& message, int if_gone) noexcept
{
    tell(message);
    std::array<std::byte, sizeof(int)> answer{};
    std::span<std::byte> left{answer};
    while (!left.empty()) {
        if (!wait_for(STDIN_FILENO, POLLIN)) {
            return if_gone;
        }
        const ssize_t got = read(STDIN_FILENO, left.data(), left.size());
        if (got > 0) {
            left = left.subspan(static_cast<std::size_t>(got));
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            give_up(does_not_answer);
        }
    }
    int value = 0;
    std::memcpy(&value, answer.data(), sizeof(value));
    return value;
}

void LibxlLink::conclude(const Octets& message) noexcept
{
    end_watch();
    (void)ask(message, 0);
}

}  // namespace sr
