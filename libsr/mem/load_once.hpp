// SPDX-License-Identifier: LGPL-2.1-or-later
// One look at memory that somebody else may be changing.
#pragma once

#include "libsr/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sr {

/// load(), but of memory that a guest or Xen may be writing: the compiler is kept from looking a
/// second time, so what was checked is what is used.
template <typename T>
requires std::is_integral_v<T>
[[nodiscard]] inline T load_once(std::span<const std::byte> from, std::size_t offset)
{
    T value = load<T>(from, offset);
    asm("" : "+r"(value));  // the value is now of unknown origin to the compiler
    return value;
}

}  // namespace sr
