// SPDX-License-Identifier: LGPL-2.1-or-later
// The only place where octets become values and values octets.
#pragma once

#include "libsr/base/error.hpp"

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace sr {

using Octets = std::vector<std::byte>;

/// A struct of Boost.Endian buffer types: alignment 1, no padding, no byte order of its own.
template <typename T>
concept WireStruct = std::is_trivially_copyable_v<T> && alignof(T) == 1;

/// Reads a record body front to back. Views the octets it was given and must not outlive them.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> octets) noexcept : left_{octets} {}

    [[nodiscard]] std::size_t size_left() const noexcept { return left_.size(); }

    /// The next n octets. @throws Error{malformed}, consuming nothing, if fewer are left.
    [[nodiscard]] std::span<const std::byte> take(std::size_t n, const char* what)
    {
        if (n > left_.size()) {
            throw Error{Errc::malformed, "%s: needs %zu octets, %zu left", what, n, left_.size()};
        }
        const auto head = left_.first(n);
        left_ = left_.subspan(n);
        return head;
    }

    /// All octets that are left.
    [[nodiscard]] std::span<const std::byte> take_rest() noexcept
    {
        const auto rest = left_;
        left_ = {};
        return rest;
    }

    template <WireStruct T>
    [[nodiscard]] T read(const char* what)
    {
        T value{};
        std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
        return value;
    }

    /// @throws Error{malformed} if octets are left
    void expect_end(const char* what) const
    {
        if (!left_.empty()) {
            throw Error{Errc::malformed, "%s: %zu octets too many", what, left_.size()};
        }
    }

private:
    std::span<const std::byte> left_;
};

/// The octets of a wire struct, for a Sink. Views value.
template <WireStruct T>
[[nodiscard]] std::span<const std::byte> octets_of(const T& value) noexcept
{
    return std::as_bytes(std::span{&value, 1});
}

/// Appends a wire struct to a buffer.
template <WireStruct T>
void append(Octets& to, const T& value)
{
    const auto octets = octets_of(value);
    to.insert(to.end(), octets.begin(), octets.end());
}

/// A trivially copyable value out of octets at a byte offset, in host order: guest memory layouts.
/// The caller has checked the bounds; a miss is our bug.
template <typename T>
requires std::is_trivially_copyable_v<T>
[[nodiscard]] T load(std::span<const std::byte> from, std::size_t offset)
{
    T value{};
    const auto octets = from.subspan(offset, sizeof(T));
    std::memcpy(&value, octets.data(), sizeof(T));
    return value;
}

/// The reverse of load().
template <typename T>
requires std::is_trivially_copyable_v<T>
void store(std::span<std::byte> to, std::size_t offset, const T& value)
{
    std::memcpy(to.subspan(offset, sizeof(T)).data(), &value, sizeof(T));
}

}  // namespace sr
