// SPDX-License-Identifier: LGPL-2.1-or-later
// Which pfn of a new guest is what: pure arithmetic.
#pragma once

#include "tests/fakexen/guest/state.hpp"

#include <cstdint>
#include <vector>

namespace fakexen::guest {

/// Options of `create` that decide the shape of memory.
struct Shape {
    std::uint64_t memory_pages = 0;    ///< frames the guest starts with, about
    std::uint64_t nr_pfns = 0;         ///< 0: as many as pages
    std::uint64_t nr_holes = 0;        ///< scattered pfns without a frame
    bool identity_holes = false;       ///< every other of them has an identity entry in the p2m
    std::uint64_t trailing_holes = 0;  ///< pfns without a frame at the end of the p2m
    std::uint64_t p2m_offset = 0;      ///< octets added to the address of the p2m list, whole pages
    std::uint64_t seed = 0;
    std::uint32_t nr_vcpus = 1;
    std::uint32_t nr_grant_refs = 0;  ///< grants that the kernel keeps records of
};

/// The plan of a guest's memory.
struct Plan {
    Places places{};
    std::uint64_t nr_pfns = 0;
    std::uint64_t p2m_vaddr = 0;
    std::uint64_t state = 0;                ///< pfn of the state page
    std::uint64_t table_limit = 0;          ///< pages kept for the kernel's tables end here
    std::vector<PageRecord> records;        ///< by pfn
    std::vector<std::uint64_t> leaf_pages;  ///< by p2m page: the pfn that holds it
};

/// @throws std::invalid_argument if memory is too small for what it must hold
[[nodiscard]] Plan make_plan(const Shape& shape, const Abi& abi);

}  // namespace fakexen::guest
