// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers that look random and are the same for the same seed.
#pragma once

#include <cstdint>

namespace fakexen::guest {

/// One step of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept
{
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
    return x ^ x >> 31;
}

/// A generator whose state its owner keeps (in guest memory).
class Random {
public:
    explicit constexpr Random(std::uint64_t& state) noexcept : state_{state} {}
    constexpr std::uint64_t next() noexcept
    {
        state_ += 0x9e37'79b9'7f4a'7c15;
        return mix(state_);
    }
    /// 0 to bound - 1; bound is not 0.
    constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    constexpr bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

private:
    std::uint64_t& state_;
};

}  // namespace fakexen::guest
