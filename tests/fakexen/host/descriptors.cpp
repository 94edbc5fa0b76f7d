// SPDX-License-Identifier: LGPL-2.1-or-later
// What Xen 4.17 checks and changes in a descriptor table.
#include "tests/fakexen/host/descriptors.hpp"

namespace fakexen {
namespace {

constexpr std::uint64_t xen_virt_start_32bit = 0xf580'0000;

// Bits of the upper half.
constexpr std::uint32_t base_high = 0xff00'0000;
constexpr std::uint32_t granular = 1U << 23;
constexpr std::uint32_t long_mode = 1U << 21;
constexpr std::uint32_t limit_high = 0x000f'0000;
constexpr std::uint32_t present = 1U << 15;
constexpr std::uint32_t not_system = 1U << 12;
constexpr std::uint32_t type_mask = 0xf00;
constexpr std::uint32_t call_gate = 0xc00;
constexpr unsigned level_shift = 13;

/// From address 0 into Xen's area.
bool is_flat(std::uint32_t low, std::uint32_t high)
{
    const std::uint32_t base = (high & base_high) | (high & 0xff) << 16 | low >> 16;
    const std::uint64_t limit = ((high & limit_high) | (low & 0xffff)) + std::uint64_t{1};
    const std::uint64_t octets = (high & granular) != 0 ? limit << 12 : limit;
    return base == 0 && octets > xen_virt_start_32bit;
}

}  // namespace

bool fix_descriptor(std::uint64_t& descriptor, bool is_32bit) noexcept
{
    auto low = static_cast<std::uint32_t>(descriptor);
    auto high = static_cast<std::uint32_t>(descriptor >> 32);
    if ((high & present) == 0) {
        return true;
    }
    if ((high & not_system) == 0) {
        if ((high & type_mask) == 0) {
            return true;  // the second half of a 64-bit call gate
        }
        const std::uint32_t reserved = is_32bit ? 0xe0 : 0xff;
        return (high & type_mask) == call_gate && (high & reserved) == 0;
    }
    if (is_32bit && (high & long_mode) != 0) {
        return false;
    }
    if (is_32bit && is_flat(low, high)) {
        low |= 0xffff;
        high |= limit_high;
    }
    const unsigned ring = std::max(high >> level_shift & 3, kernel_ring(is_32bit));
    high = (high & ~(3U << level_shift)) | ring << level_shift;
    descriptor = std::uint64_t{high} << 32 | low;
    return true;
}

}  // namespace fakexen
