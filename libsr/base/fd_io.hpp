// SPDX-License-Identifier: LGPL-2.1-or-later
// Source and Sink over a caller's descriptor, whose flags are shared with others and stay
// untouched.
#pragma once

#include "libsr/base/cancel.hpp"
#include "libsr/base/io.hpp"

#include <array>
#include <memory>
#include <signal.h>

namespace sr {

/// How a descriptor is read or written so that a request to stop gets through.
///
/// O_NONBLOCK belongs to the open file description, which other processes share, so it is never set
/// on the caller's descriptor. A pipe is opened a second time instead (/proc/self/fd), a socket is
/// used with MSG_DONTWAIT; anything else (files, terminals) is used plainly. A pipe may be given more room: that changes
/// nothing for whoever else has it, and can be done from either end.
///
/// Some file systems (9p, direct I/O) pin the pages that they read into or write from, which cannot be done to foreign
/// mappings: EFAULT. There octets go through memory of our own.
class Channel {
public:
    enum class Direction { read, write };
    /// Borrows fd and cancel (may be null).
    Channel(int fd, Direction direction, const CancelToken* cancel);

    /// One readv or writev, of at most IOV_MAX parts. Waits, interruptibly, until octets move.
    /// @return octets moved, 0 at the end of the stream. @throws Error{io}, Error{cancelled}
    [[nodiscard]] std::size_t transfer(std::span<iovec> parts);

private:
    enum class Kind { plain, private_pipe, socket };
    struct alignas(4096) CopyBuffer {  // direct I/O insists on the alignment
        std::array<std::byte, 1 << 18> octets;
    };

    [[nodiscard]] ssize_t attempt(std::span<iovec> parts) const noexcept;
    [[nodiscard]] ssize_t attempt_by_copy(std::span<iovec> parts) noexcept;
    void wait_until_ready() const;

    int fd_;
    Direction direction_;
    const CancelToken* cancel_;
    Fd reopened_;
    Kind kind_ = Kind::plain;
    bool is_file_ = false;
    std::unique_ptr<CopyBuffer> copies_;  ///< once the file system has refused our pages
};

/// Reads a stream from a descriptor, never further than asked.
class FdSource final : public Source {
public:
    explicit FdSource(int fd, const CancelToken* cancel = nullptr)
        : channel_{fd, Channel::Direction::read, cancel}
    {
    }
    [[nodiscard]] std::size_t read_some(std::span<std::byte> to) override;
    void read_scattered(std::span<iovec> parts, const char* what) override;
    [[nodiscard]] std::uint64_t position() const noexcept override { return position_; }

private:
    Channel channel_;
    std::uint64_t position_ = 0;
};

/// Writes a stream to a descriptor. A pipe that nobody reads is Error{io}: no write raises SIGPIPE.
class FdSink final : public Sink {
public:
    explicit FdSink(int fd, const CancelToken* cancel = nullptr)
        : channel_{fd, Channel::Direction::write, cancel}
    {
    }
    void write_gathered(std::span<iovec> parts) override;
    [[nodiscard]] std::uint64_t position() const noexcept override { return position_; }

private:
    Channel channel_;
    std::uint64_t position_ = 0;
};

/// While it lives, a write to a pipe that nobody reads is EPIPE on this thread, and no signal.
class SigpipeBlocked {
public:
    SigpipeBlocked() noexcept;
    ~SigpipeBlocked();
    SigpipeBlocked(const SigpipeBlocked&) = delete;
    SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

private:
    sigset_t before_{};
    bool was_pending_ = false;
};

}  // namespace sr
