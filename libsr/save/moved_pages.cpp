// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing what was sent with what is.
#include "libsr/save/moved_pages.hpp"

#include <algorithm>
#include <cstddef>

namespace sr {

std::uint64_t want_moved(const GuestP2m& p2m, const SentPages& sent, DirtySets& sets)
{
    std::uint64_t nr_moved = 0;
    for (std::uint64_t number = 0; number < sets.nr_pfns(); ++number) {
        const Pfn pfn{number};
        if (!sent.is_there(pfn, p2m.mfn_of(pfn))) {
            sets.want(pfn);
            ++nr_moved;
        }
    }
    return nr_moved;
}

bool any_dirty(std::span<const std::uint64_t> log, std::span<const Pfn> pfns) noexcept
{
    return std::any_of(pfns.begin(), pfns.end(), [log](Pfn pfn) {
        const auto word = static_cast<std::size_t>(pfn.number() / 64);
        return word < log.size() && (log[word] >> pfn.number() % 64 & 1U) != 0;
    });
}

std::uint64_t want_tables(const SentPages& sent, DirtySets& sets)
{
    std::uint64_t nr_tables = 0;
    sent.for_each([&](Pfn pfn, PageType type) {
        if (is_table(type)) {
            sets.want(pfn);
            ++nr_tables;
        }
    });
    return nr_tables;
}

std::uint64_t want_demoted(const TableReach& tables_in_use, const SentPages& sent, DirtySets& sets)
{
    std::uint64_t nr_demoted = 0;
    sent.for_each([&](Pfn pfn, PageType type) {
        if (is_table(type) && !is_table(tables_in_use.type_in_use(pfn, type))) {
            sets.want(pfn);
            ++nr_demoted;
        }
    });
    return nr_demoted;
}

}  // namespace sr
