// SPDX-License-Identifier: LGPL-2.1-or-later
// Building and printing ranges.
#include "tools/xsr/pfn_ranges.hpp"

#include "tools/xsr/units.hpp"

#include <algorithm>

namespace sr {

void PfnRanges::add(std::uint64_t pfn)
{
    ++count_;
    if (!ranges_.empty() && kept_ + 1 == count_ && ranges_.back().second + 1 == pfn) {
        ranges_.back().second = pfn;
        ++kept_;
    } else if (ranges_.size() < ranges_kept) {
        ranges_.emplace_back(pfn, pfn);
        ++kept_;
    }
}

std::string PfnRanges::text(std::size_t ranges_max) const
{
    std::string text;
    std::uint64_t shown = 0;
    for (std::size_t i = 0; i < std::min(ranges_max, ranges_.size()); ++i) {
        const auto [first, last] = ranges_[i];
        text += (i == 0 ? "" : ", ") + format_hex(first);
        text += first == last ? "" : ".." + format_hex(last);
        shown += last - first + 1;
    }
    return shown == count_ ? text : text + " and " + format_count(count_ - shown) + " more";
}

Json PfnRanges::json() const
{
    Json document = {{"count", count_}, {"ranges", ranges_}};
    if (kept_ < count_) {
        document["truncated"] = true;
    }
    return document;
}

}  // namespace sr
