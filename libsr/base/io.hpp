// SPDX-License-Identifier: LGPL-2.1-or-later
// Source and Sink: the two ends that octets of a stream come from and go to.
#pragma once

#include "libsr/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>

namespace sr {

/// Where a stream is read from, front to back.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// Fills `to` as far as octets come and returns how many did: fewer only at the end of the
    /// stream.
    /// @throws Error{io} on a read error, Error{cancelled}
    [[nodiscard]] virtual std::size_t read_some(std::span<std::byte> to) = 0;

    /// Scatters the next octets into `parts` (straight into guest pages), all of them or an
    /// exception. Changes the entries of `parts`. @throws as read_exact
    virtual void read_scattered(std::span<iovec> parts, const char* what);

    /// Octets handed out so far: the offset of the next one.
    [[nodiscard]] virtual std::uint64_t position() const noexcept = 0;

    /// Fills `to`. @throws Error{io} "stream ends N octets into <what>"
    void read_exact(std::span<std::byte> to, const char* what);

    template <WireStruct T>
    [[nodiscard]] T read(const char* what)
    {
        T value{};
        read_exact(std::as_writable_bytes(std::span{&value, 1}), what);
        return value;
    }

    /// Reads and drops `length` octets, in pieces. @throws as read_exact
    void skip(std::uint64_t length, const char* what);
};

/// Where a stream is written to.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    /// Writes all of `parts`, in order. Changes the entries of `parts`.
    /// @throws Error{io} with the errno, Error{cancelled}
    virtual void write_gathered(std::span<iovec> parts) = 0;

    /// Octets written so far.
    [[nodiscard]] virtual std::uint64_t position() const noexcept = 0;

    void write(std::span<const std::byte> octets);

    template <WireStruct T>
    void write_struct(const T& value)
    {
        write(octets_of(value));
    }
};

/// A Source over octets in memory. Views them.
class MemorySource final : public Source {
public:
    explicit MemorySource(std::span<const std::byte> octets) noexcept : octets_{octets} {}
    [[nodiscard]] std::size_t read_some(std::span<std::byte> to) override;
    [[nodiscard]] std::uint64_t position() const noexcept override { return position_; }

private:
    std::span<const std::byte> octets_;
    std::size_t position_ = 0;
};

/// A Sink that keeps what it is given.
class MemorySink final : public Sink {
public:
    void write_gathered(std::span<iovec> parts) override;
    [[nodiscard]] std::uint64_t position() const noexcept override { return octets_.size(); }
    [[nodiscard]] const Octets& octets() const noexcept { return octets_; }

private:
    Octets octets_;
};

/// An iovec over octets that are only read from (a Sink's part).
[[nodiscard]] iovec iovec_of(std::span<const std::byte> octets) noexcept;
/// An iovec over octets to be filled.
[[nodiscard]] iovec iovec_of(std::span<std::byte> octets) noexcept;

}  // namespace sr
