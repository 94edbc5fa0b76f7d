// SPDX-License-Identifier: LGPL-2.1-or-later
// In what two guests differ, and which of it a restore explains.
#pragma once

#include "tools/xsr/guest_image.hpp"
#include "tools/xsr/pfn_ranges.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sr {

/// A value that is not the same.
struct FieldDifference {
    std::string place;  ///< "vCPU 0 BASIC", "SHARED_INFO", "domain header"
    std::string name;   ///< of the field
    std::string a;      ///< empty: not there
    std::string b;
    std::string reason;  ///< why a restore changes it; empty if it does not
};

struct PageDifferences {
    std::uint64_t nr_equal = 0;
    PfnRanges contents;
    PfnRanges only_in_a;
    PfnRanges only_in_b;
    std::map<std::pair<PageType, PageType>, PfnRanges> types;
    PfnRanges p2m_leaves;  ///< expected: a restore writes them anew, in its own machine frames
    PfnRanges start_info;  ///< expected: likewise
    PfnRanges store_ring;  ///< expected where only its indices differ: xenstored starts it anew

    /// Those that a restore does not explain.
    [[nodiscard]] std::uint64_t nr_unexpected() const noexcept;
    [[nodiscard]] std::uint64_t nr_expected() const noexcept
    {
        return p2m_leaves.count() + start_info.count() + store_ring.count();
    }
};

[[nodiscard]] PageDifferences compare_pages(const GuestImage& a, const GuestImage& b);

/// Headers, vCPUs, shared_info and every other record that is not memory.
[[nodiscard]] std::vector<FieldDifference> compare_state(const GuestImage& a, const GuestImage& b);

/// Of the two records of grant tables, where both guests have them: limits, and entries by their number.
void compare_grants(const GuestImage& a, const GuestImage& b, std::vector<FieldDifference>& found);

}  // namespace sr
