// SPDX-License-Identifier: LGPL-2.1-or-later
// Structure-aware changes.
#include "tests/fuzz/mutate.hpp"

#include "libsr/base/frame.hpp"
#include "libsr/wire/record_type.hpp"
#include "libsr/wire/records.hpp"

#include <algorithm>
#include <iterator>

namespace sr::fuzz {
namespace {

constexpr std::size_t growth_max = 64;  ///< octets that a body may grow by in a change
constexpr std::uint64_t pfn_mask = page_entry_pfn_mask;

}  // namespace

std::size_t StreamMutator::below(std::size_t end)
{
    return end == 0 ? 0 : std::uniform_int_distribution<std::size_t>{0, end - 1}(random_);
}

/// A number of 8 octets that somebody might not expect, or that means something as a pfn or an entry.
std::uint64_t StreamMutator::odd_number()
{
    const std::uint64_t bit = std::uint64_t{1} << below(64);
    const std::uint64_t small = below(64);
    const std::uint64_t numbers[] = {0,
                                     ~std::uint64_t{0},
                                     bit,
                                     bit - 1,
                                     small,
                                     small << 12 | 0x67,
                                     small << 12 | 0x65,
                                     bit | small,
                                     small << 12 | bit | 1};
    return numbers[below(std::size(numbers))];
}

/// Lets libFuzzer change octets from `first` on.
void StreamMutator::change(Octets& octets, std::size_t first)
{
    first = std::min(first, octets.size());
    const std::size_t size = octets.size() - first;
    octets.resize(octets.size() + growth_max);
    octets.resize(first + change_octets_(octets.data() + first, size, size + growth_max));
}

void StreamMutator::change_number(Octets& octets)
{
    if (octets.size() < 8) {
        return change(octets);
    }
    const std::size_t words = octets.size() / 8;
    const std::size_t word = below(2) == 0 ? below(std::min<std::size_t>(words, 16)) : below(words);
    if (below(3) == 0) {
        octets[word * 8 + below(8)] ^= static_cast<std::byte>(1U << below(8));
    } else {
        store(octets, word * 8, odd_number());
    }
}

void StreamMutator::change_page(std::vector<Page>& pages)
{
    Page& page = pages[below(pages.size())];
    switch (below(6)) {
    case 0:  // another type, pinned or not
        page.word = (page.word & pfn_mask) | std::uint64_t{below(16)} << page_entry_type_shift;
        break;
    case 1:
        page.word = (page.word & ~pfn_mask) | (odd_number() & pfn_mask);
        break;
    case 2:
        pages.erase(pages.begin() + (&page - pages.data()));
        break;
    case 3:
        pages.insert(pages.begin() + static_cast<std::ptrdiff_t>(below(pages.size())), Page{page});
        break;
    default:
        change_number(page.contents.empty() ? pages[0].contents : page.contents);
        break;
    }
}

void StreamMutator::change_pages(Record& record)
{
    auto pages = pages_of(record);
    if (!pages || pages->empty()) {
        return change(record.body);
    }
    for (Page& page : *pages) {
        if (!page.contents.empty()) {
            page.contents.resize(page_size);
        }
    }
    change_page(*pages);
    record = record_of(*pages);
}

std::uint32_t StreamMutator::any_type()
{
    return to_wire(record_type_at(static_cast<std::uint32_t>(below(nr_known_types))));
}

void StreamMutator::change_record(Record& record)
{
    const bool is_pages = record.type == to_wire(RecordType::page_data);
    switch (below(is_pages ? 8 : 4)) {
    case 0:
        change(record.body,
               record.body.size() > 4 * page_size ? record.body.size() - 2 * page_size : 0);
        break;
    case 1:
        record.type = below(16) == 0 ? static_cast<std::uint32_t>(odd_number()) : any_type();
        break;
    case 2:
    case 3:
        change_number(record.body);
        break;
    default:
        change_pages(record);
        break;
    }
}

Record StreamMutator::new_record()
{
    Record record{any_type(), {}};
    if (below(8) == 0) {
        record.type = below(2) == 0 ? optional_bit | 0x40U : extension_mandatory_base + 1;
    }
    record.body.resize(below(3) == 0 ? 0 : 8 * below(8));
    return record;
}

void StreamMutator::change_order(std::vector<Record>& records)
{
    const auto at = [&] {
        return records.begin() + static_cast<std::ptrdiff_t>(below(records.size()));
    };
    switch (below(4)) {
    case 0:
        records.erase(at());
        break;
    case 1:
        std::iter_swap(at(), at());
        break;
    case 2:
        records.insert(at(), Record{*at()});
        break;
    default:
        records.insert(at(), new_record());
        break;
    }
}

void StreamMutator::mutate(StreamParts& parts)
{
    if (parts.records.empty()) {
        return change(parts.headers.empty() ? parts.before : parts.headers);
    }
    const std::size_t what = below(24);
    if (what == 0) {
        change(parts.before);
    } else if (what == 1) {
        change(parts.after);
    } else if (what == 2) {
        change_number(parts.headers);
    } else if (what < 7) {
        change_order(parts.records);
    } else {
        change_record(parts.records[below(parts.records.size())]);
    }
}

void StreamMutator::cross(StreamParts& parts, const StreamParts& other)
{
    if (parts.records.empty() || other.records.empty()) {
        return mutate(parts);
    }
    const Record& theirs = other.records[below(other.records.size())];
    const auto same = std::find_if(parts.records.begin(), parts.records.end(),
                                   [&](const Record& ours) { return ours.type == theirs.type; });
    if (same != parts.records.end() && below(4) != 0) {
        *same = theirs;
    } else {
        parts.records.insert(parts.records.begin() +
                                 static_cast<std::ptrdiff_t>(below(parts.records.size())),
                             theirs);
    }
}

}  // namespace sr::fuzz
