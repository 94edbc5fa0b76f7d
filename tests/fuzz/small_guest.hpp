// SPDX-License-Identifier: LGPL-2.1-or-later
// The stream of the smallest PV guest that can be restored and saved again: a dozen pages with real page tables.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/guest_width.hpp"

#include <cstdint>

namespace sr::fuzz {

/// Pfns of a small guest: what each is for.
namespace small_guest {
inline constexpr std::uint64_t content = 0;
inline constexpr std::uint64_t top = 1;     ///< L4, or L3 of a 32-bit guest
inline constexpr std::uint64_t upper = 2;   ///< L3, or the L2 of slot 3
inline constexpr std::uint64_t middle = 3;  ///< L2, or the L2 of slot 0
inline constexpr std::uint64_t lowest = 4;  ///< L1: maps every page here
inline constexpr std::uint64_t p2m = 5;
inline constexpr std::uint64_t start_info = 6;
inline constexpr std::uint64_t xenstore = 7;
inline constexpr std::uint64_t console = 8;
inline constexpr std::uint64_t hole = 9;
inline constexpr std::uint64_t list_root = 10;  ///< of the p2m tree
inline constexpr std::uint64_t list = 11;
inline constexpr std::uint64_t nr_pfns = 12;
inline constexpr std::uint32_t nr_vcpus = 2;
inline constexpr std::uint64_t max_pages = 1024;  ///< the limit of its domain
}  // namespace small_guest

/// Where its kernel maps pfn 0; the others follow.
[[nodiscard]] std::uint64_t small_guest_base(GuestWidth width);

/// The whole libxc stream of such a guest.
[[nodiscard]] Octets small_guest_stream(GuestWidth width);

}  // namespace sr::fuzz
