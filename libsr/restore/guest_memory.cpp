// SPDX-License-Identifier: LGPL-2.1-or-later
// PAGE_DATA into guest memory: populate, map, read in place, hand over, unmap.
#include "libsr/restore/guest_memory.hpp"

#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {
namespace {

/// The entries that can be loaded together: rising pfns, so that none comes twice and finds its
/// contents already made the guest's own. Senders write whole records so.
std::span<const PageEntry> rising_run(std::span<const PageEntry> entries, std::size_t max)
{
    entries = entries.first(std::min(entries.size(), max));
    const auto end =
        std::adjacent_find(entries.begin(), entries.end(),
                           [](const PageEntry& a, const PageEntry& b) { return a.pfn >= b.pfn; });
    return end == entries.end()
               ? entries
               : entries.first(static_cast<std::size_t>(end - entries.begin()) + 1);
}

}  // namespace

void GuestMemory::apply_page_data(StreamReader& reader, Pfn max_pfn, LoadedPageVisitor& visitor)
{
    auto entries = reader.read_page_data_head(max_pfn);
    nr_arrived_ += entries.size();
    while (!entries.empty()) {
        const auto some = rising_run(entries, max_mapped_pages);
        note_types(some);
        load(reader, some, visitor);
        entries = entries.subspan(some.size());
    }
    reader.finish_body();
}

void GuestMemory::note_types(std::span<const PageEntry> entries)
{
    wanted_.clear();
    for (const PageEntry& entry : entries) {
        if (needs_frame(entry.type)) {
            wanted_.push_back(entry.pfn.number());
        } else if (entry.type == PageType::broken) {
            count_broken(entry.pfn);
        } else if (!p2m_.mfn_of(entry.pfn)) {
            continue;  // a hole that never was anything else: nothing to remember
        }
        p2m_.set_type(entry.pfn, entry.type);
    }
    populate(wanted_);
}

void GuestMemory::count_broken(Pfn pfn)
{
    if (++nr_broken_ > limits::broken_pages_max) {
        throw Error{Errc::limit, "more than %" PRIu64 " broken pages: no host had that many",
                    limits::broken_pages_max}
            .with_pfn(pfn.number());
    }
}

void GuestMemory::load(StreamReader& reader, std::span<const PageEntry> entries,
                       LoadedPageVisitor& visitor)
{
    mfns_.clear();
    with_contents_.clear();
    for (const PageEntry& entry : entries) {
        if (has_contents(entry.type)) {
            with_contents_.push_back(entry);
            mfns_.push_back(p2m_.mfn_of(entry.pfn)->number());
        }
    }
    if (mfns_.empty()) {
        return;
    }
    const ForeignMapping mapping = mapper_.map(mfns_, Access::read_write);
    iovec whole = iovec_of(mapping.octets());
    reader.read_contents({&whole, 1});
    nr_loaded_ += mfns_.size();
    visitor.loaded({with_contents_, mapping});
}

void GuestMemory::populate(std::vector<std::uint64_t>& pfns)
{
    std::erase_if(pfns, [&](std::uint64_t pfn) { return p2m_.mfn_of(Pfn{pfn}).has_value(); });
    std::sort(pfns.begin(), pfns.end());
    pfns.erase(std::unique(pfns.begin(), pfns.end()), pfns.end());
    if (pfns.empty()) {
        return;
    }
    mfns_ = pfns;
    domain_.populate(mfns_);
    for (std::size_t i = 0; i < pfns.size(); ++i) {
        p2m_.set_mfn(Pfn{pfns[i]}, Mfn{mfns_[i]});
    }
}

void GuestMemory::give_back_unused()
{
    std::vector<std::uint64_t> unused;
    std::vector<Pfn> pfns;
    p2m_.for_each_frame([&](Pfn pfn, Mfn mfn) {
        const auto type = p2m_.type_of(pfn);
        // A broken page keeps the empty frame that a table made it get: the guest has it mapped.
        if (!type || !(needs_frame(*type) || *type == PageType::broken)) {
            unused.push_back(mfn.number());
            pfns.push_back(pfn);
        }
    });
    if (unused.empty()) {
        return;
    }
    domain_.give_back(unused);
    for (const Pfn pfn : pfns) {
        p2m_.forget_mfn(pfn);
    }
}

}  // namespace sr
