// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame numbers that say in which address space they count.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace sr {

/// Octets in a page frame; the only page size of the stream.
inline constexpr std::size_t page_size = 4096;

/// A 4 KiB frame number in one address space. Numbers of different spaces do not mix.
template <typename Space>
class Frame {
public:
    constexpr explicit Frame(std::uint64_t number) noexcept : number_{number} {}
    [[nodiscard]] constexpr std::uint64_t number() const noexcept { return number_; }
    friend constexpr auto operator<=>(Frame, Frame) noexcept = default;

private:
    std::uint64_t number_;
};

using Pfn = Frame<struct PfnSpace>;  ///< guest pseudo-physical: what the stream carries
using Mfn = Frame<struct MfnSpace>;  ///< host machine: what a PV guest's page tables hold
using Gfn = Frame<struct GfnSpace>;  ///< what mapping calls take: mfn for PV, pfn for HVM

}  // namespace sr

template <typename Space>
struct std::hash<sr::Frame<Space>> {
    std::size_t operator()(sr::Frame<Space> frame) const noexcept
    {
        return std::hash<std::uint64_t>{}(frame.number());
    }
};
