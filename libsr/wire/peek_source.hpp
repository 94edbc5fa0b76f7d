// SPDX-License-Identifier: LGPL-2.1-or-later
// A Source whose first octets can be looked at before they are read.
#pragma once

#include "libsr/base/io.hpp"

#include <array>

namespace sr {

/// Reads from another Source, which may be a pipe. What was peeked at is read again, in its place.
class PeekSource final : public Source {
public:
    static constexpr std::size_t peek_max = 64;

    /// @param inner  must outlive this
    explicit PeekSource(Source& inner) noexcept : inner_{inner} {}

    /// The next octets, unread: n of them, at most peek_max, or fewer where the stream ends. Views
    /// this until the next call. @throws as Source::read_some
    [[nodiscard]] std::span<const std::byte> peek(std::size_t n);

    [[nodiscard]] std::size_t read_some(std::span<std::byte> to) override;
    void read_scattered(std::span<iovec> parts, const char* what) override;
    [[nodiscard]] std::uint64_t position() const noexcept override
    {
        return inner_.position() - (end_ - begin_);
    }

private:
    Source& inner_;
    std::array<std::byte, peek_max>
        held_{};  ///< octets begin_ to end_ of it are peeked at and not read
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sr
