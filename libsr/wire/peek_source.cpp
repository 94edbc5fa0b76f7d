// SPDX-License-Identifier: LGPL-2.1-or-later
// Looking at octets before reading them.
#include "libsr/wire/peek_source.hpp"

#include <algorithm>

namespace sr {

std::span<const std::byte> PeekSource::peek(std::size_t n)
{
    if (n > peek_max) {
        throw Error{Errc::internal, "cannot look %zu octets ahead", n};
    }
    std::copy(held_.begin() + static_cast<std::ptrdiff_t>(begin_),
              held_.begin() + static_cast<std::ptrdiff_t>(end_), held_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (end_ < n) {
        end_ += inner_.read_some(std::span{held_}.subspan(end_, n - end_));
    }
    return std::span<const std::byte>{held_}.first(std::min(n, end_));
}

std::size_t PeekSource::read_some(std::span<std::byte> to)
{
    const std::size_t again = std::min(to.size(), end_ - begin_);
    const auto held = std::span{held_}.subspan(begin_, again);
    std::copy(held.begin(), held.end(), to.begin());
    begin_ += again;
    return again + (again < to.size() ? inner_.read_some(to.subspan(again)) : 0);
}

void PeekSource::read_scattered(std::span<iovec> parts, const char* what)
{
    if (begin_ == end_) {
        inner_.read_scattered(parts, what);  // its way may be a faster one
    } else {
        Source::read_scattered(parts, what);
    }
}

}  // namespace sr
