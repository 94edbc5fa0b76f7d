// SPDX-License-Identifier: LGPL-2.1-or-later
// PAGE_DATA: list, contents, and the page tables among them.
#include "libsr/verify/page_data_check.hpp"

#include "libsr/mem/localise.hpp"

#include <algorithm>
#include <cinttypes>
#include <utility>

namespace sr {
namespace {

/// Pages read at once.
constexpr std::size_t pages_at_once = 64;

}  // namespace

PageDataCheck::PageDataCheck(StreamReader& reader, Judgement& judgement)
    : reader_{reader}, judgement_{judgement}, contents_(pages_at_once * page_size)
{
}

void PageDataCheck::check()
{
    PageDataHeader header{};
    reader_.read_part(std::as_writable_bytes(std::span{&header, 1}), "PAGE_DATA head");
    if (header.reserved.value() != 0) {
        judgement_.findings.deviation(FindingKind::reserved,
                                      "PAGE_DATA: the reserved field of its head is %#" PRIx32,
                                      header.reserved.value());
    }
    read_list(decode_page_data_header(header, reader_.head().length));
    if (judge_list()) {
        note_entries();
        note_repeats_within();
        read_contents();
    }
}

void PageDataCheck::read_list(std::uint32_t count)
{
    entries_.clear();
    nr_reserved_ = nr_bad_ = 0;
    first_bad_.reset();
    std::array<PageEntryLayout, limits::pages_per_record> piece{};
    for (std::uint32_t done = 0; done < count;) {
        const auto part = std::span{piece}.first(std::min<std::size_t>(piece.size(), count - done));
        reader_.read_part(std::as_writable_bytes(part), "PAGE_DATA list");
        done += static_cast<std::uint32_t>(part.size());
        for (const PageEntryLayout& entry : part) {
            nr_reserved_ += (entry.word.value() & page_entry_reserved_mask) != 0 ? 1U : 0U;
            try {
                entries_.push_back(decode_page_entry(entry, judgement_.highest()));
            } catch (const Error& e) {
                ++nr_bad_;
                first_bad_ = first_bad_ ? first_bad_ : e;
            }
        }
    }
}

/// @return whether the contents can be read
bool PageDataCheck::judge_list()
{
    Findings& findings = judgement_.findings;
    if (nr_reserved_ != 0) {
        findings.deviation(FindingKind::reserved,
                           "PAGE_DATA: %" PRIu64 " pfns have reserved bits set", nr_reserved_);
    }
    if (first_bad_) {
        findings.error(FindingKind::malformed, *first_bad_);
        if (nr_bad_ > 1) {
            findings.error(FindingKind::malformed, "PAGE_DATA: %" PRIu64 " more pfns are no better",
                           nr_bad_ - 1);
        }
        return false;
    }
    const std::uint64_t expected = page_data_length(entries_);
    if (expected != reader_.head().length) {
        findings.error(FindingKind::malformed,
                       "PAGE_DATA: %zu pfns with their contents are %" PRIu64
                       " octets, the record has %" PRIu32,
                       entries_.size(), expected, reader_.head().length);
        return false;
    }
    return true;
}

void PageDataCheck::note_entries()
{
    PageFacts& pages = judgement_.summary.pages;
    const bool is_hvm =
        judgement_.summary.domain && judgement_.summary.domain->type == DomainType::x86_hvm;
    std::uint64_t nr_tables = 0;
    for (const PageEntry& entry : entries_) {
        pages.repeats += judgement_.types.set(entry.pfn, entry.type) ? 1U : 0U;
        pages.contents_octets += has_contents(entry) ? page_size : 0;
        pages.highest = std::max(pages.highest.value_or(Pfn{0}), entry.pfn);
        nr_tables += is_table(entry.type) ? 1U : 0U;
    }
    pages.entries += entries_.size();
    if (!last_pfn_ || entries_.front().pfn <= *last_pfn_) {
        ++pages.rounds;
    }
    last_pfn_ = entries_.back().pfn;
    if (is_hvm && nr_tables != 0) {
        judgement_.findings.deviation(
            FindingKind::semantic,
            "PAGE_DATA: %" PRIu64 " pages of an HVM guest have page-table types", nr_tables);
    }
}

void PageDataCheck::note_repeats_within()
{
    std::vector<Pfn> pfns;
    pfns.reserve(entries_.size());
    std::ranges::transform(entries_, std::back_inserter(pfns), &PageEntry::pfn);
    std::ranges::sort(pfns);
    if (const auto twice = std::ranges::adjacent_find(pfns); twice != pfns.end()) {
        judgement_.findings.deviation(
            FindingKind::semantic,
            "PAGE_DATA: pfn %#" PRIx64 " is listed more than once in one record", twice->number());
    }
}

void PageDataCheck::read_contents()
{
    std::vector<const PageEntry*> with_contents;
    with_contents.reserve(entries_.size());
    for (const PageEntry& entry : entries_) {
        if (has_contents(entry)) {
            with_contents.push_back(&entry);
        } else {
            judgement_.tables.set(entry.pfn, {});
        }
    }
    for (std::size_t done = 0; done < with_contents.size();) {
        const std::size_t count = std::min(pages_at_once, with_contents.size() - done);
        reader_.read_part(std::span{contents_}.first(count * page_size), "page contents");
        for (std::size_t i = 0; i < count; ++i) {
            const std::span page{std::as_const(contents_).data() + i * page_size, page_size};
            check_table(*with_contents[done + i], page.first<page_size>());
        }
        done += count;
    }
}

void PageDataCheck::check_table(const PageEntry& entry, TableOctets table)
{
    const GuestAbi* abi = judgement_.abi();
    const unsigned level = table_level(entry.type);
    std::vector<TableGraph::Entry> entries;
    if (level != 0 && abi != nullptr && judgement_.summary.max_pfn) {
        const Pfn highest = *judgement_.summary.max_pfn;
        const TableOutcome outcome =
            visit_entries(table, entry.type, *abi, highest, [&](unsigned slot, Pte<Pfn> target) {
                if (level >= 2) {
                    entries.push_back({slot, static_cast<std::uint32_t>(target.frame().number())});
                }
                return TableFault::none;
            });
        if (!outcome) {
            judgement_.findings.error(FindingKind::semantic,
                                      to_error(outcome, entry.pfn, entry.type));
        }
        const SlotRange xen = abi->xen_slots(level);
        for (unsigned slot = xen.first; slot <= xen.last; ++slot) {
            if (load_pte<Pfn>(table, slot).raw() != 0) {
                judgement_.findings.deviation(FindingKind::semantic,
                                              "%s pfn %#" PRIx64 ": slot %u is Xen's own and "
                                              "not zero",
                                              to_string(entry.type), entry.pfn.number(), slot);
                break;
            }
        }
    }
    judgement_.tables.set(entry.pfn, std::move(entries));
}

}  // namespace sr
