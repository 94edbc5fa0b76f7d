// SPDX-License-Identifier: LGPL-2.1-or-later
// The first octets of an input as choices, the rest as what is to be judged.
#pragma once

#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace sr::fuzz {

/// Hands out octets from the front; zeros when none are left.
class Choices {
public:
    explicit Choices(Input input) noexcept : left_{input} {}

    [[nodiscard]] unsigned octet() noexcept
    {
        if (left_.empty()) {
            return 0;
        }
        const auto value = std::to_integer<unsigned>(left_[0]);
        left_ = left_.subspan(1);
        return value;
    }

    /// All that is left, in an allocation of just that size: reading past it is seen.
    [[nodiscard]] Octets rest() const { return {left_.begin(), left_.end()}; }

private:
    Input left_;
};

/// What the octets of a wire struct, or of several in a row, say is what encoding it gives again.
inline bool same_octets(std::span<const std::byte> one, std::span<const std::byte> other) noexcept
{
    return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace sr::fuzz
