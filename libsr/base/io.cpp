// SPDX-License-Identifier: LGPL-2.1-or-later
// What Source and Sink share, and their in-memory kinds.
#include "libsr/base/io.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>

namespace sr {
namespace {

std::span<std::byte> octets_of_part(const iovec& part) noexcept
{
    return {static_cast<std::byte*>(part.iov_base), part.iov_len};
}

}  // namespace

iovec iovec_of(std::span<std::byte> octets) noexcept
{
    return {octets.data(), octets.size()};
}

iovec iovec_of(std::span<const std::byte> octets) noexcept
{
    // writev's iovec has no const form; a Sink only reads through it.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    return {const_cast<std::byte*>(octets.data()), octets.size()};
}

void Source::read_exact(std::span<std::byte> to, const char* what)
{
    const std::size_t got = read_some(to);
    if (got < to.size()) {
        throw Error{Errc::io, "stream ends at offset %#" PRIx64 ", %zu octets short in %s",
                    position(), to.size() - got, what};
    }
}

void Source::read_scattered(std::span<iovec> parts, const char* what)
{
    for (const iovec& part : parts) {
        read_exact(octets_of_part(part), what);
    }
}

void Source::skip(std::uint64_t length, const char* what)
{
    std::array<std::byte, 16384> dropped{};
    while (length > 0) {
        const auto piece =
            static_cast<std::size_t>(std::min<std::uint64_t>(length, dropped.size()));
        read_exact(std::span{dropped}.first(piece), what);
        length -= piece;
    }
}

void Sink::write(std::span<const std::byte> octets)
{
    iovec part = iovec_of(octets);
    write_gathered({&part, 1});
}

std::size_t MemorySource::read_some(std::span<std::byte> to)
{
    const std::size_t count = std::min(to.size(), octets_.size() - position_);
    std::copy_n(octets_.begin() + static_cast<std::ptrdiff_t>(position_), count, to.begin());
    position_ += count;
    return count;
}

void MemorySink::write_gathered(std::span<iovec> parts)
{
    for (const iovec& part : parts) {
        const auto octets = octets_of_part(part);
        octets_.insert(octets_.end(), octets.begin(), octets.end());
    }
}

}  // namespace sr
