// SPDX-License-Identifier: LGPL-2.1-or-later
// Structs that begin with their own size: a caller's, of any age, as ours.
#pragma once

#include "libsr/base/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace sr {

/// A caller's struct as one of this library's version: members it does not have are zero.
/// @param theirs  may be null: all zero then
/// @throws Error{usage} if its size makes no sense, or if it sets members that we do not know
template <typename T>
[[nodiscard]] T take_struct(const T* theirs, const char* name)
{
    T ours{};
    ours.size = sizeof(T);
    if (theirs == nullptr) {
        return ours;
    }
    const std::size_t size = theirs->size;
    constexpr std::size_t sane = 4096;
    if (size < sizeof(theirs->size) || size > sane) {
        throw Error{Errc::usage, "%s: its size is %zu, which cannot be", name, size};
    }
    const auto* octets = static_cast<const std::byte*>(static_cast<const void*>(theirs));
    std::memcpy(&ours, octets, std::min(size, sizeof(T)));
    ours.size = sizeof(T);
    if (size > sizeof(T)) {
        const std::span unknown{octets + sizeof(T), size - sizeof(T)};
        if (std::any_of(unknown.begin(), unknown.end(),
                        [](std::byte b) { return b != std::byte{}; })) {
            throw Error{Errc::usage, "%s: sets a member that this version of libsr does not have",
                        name};
        }
    }
    return ours;
}

/// Fills in a caller's struct, as far as it is long enough. Its size stays.
template <typename T>
void give_struct(T* theirs, const T& ours) noexcept
{
    if (theirs == nullptr || theirs->size < sizeof(theirs->size)) {
        return;
    }
    const std::size_t size = theirs->size;
    std::memcpy(static_cast<void*>(theirs), &ours, std::min(size, sizeof(T)));
    theirs->size = size;
}

}  // namespace sr
