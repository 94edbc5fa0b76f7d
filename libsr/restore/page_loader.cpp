// SPDX-License-Identifier: LGPL-2.1-or-later
// Chunks of pages on their way into guest memory.
#include "libsr/restore/page_loader.hpp"

#include <algorithm>
#include <iterator>

namespace sr {
namespace {

/// The entries that can be in the making together: rising pfns, so that none comes twice and finds its contents already
/// made the guest's own. Senders write whole passes so.
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

/// Runs fn, whose Error is about the record at that place, wherever the caller's thread may be by then.
template <typename Fn>
void at_place(const StreamPlace& place, Fn&& fn)
{
    try {
        fn();
    } catch (Error& e) {
        e.with_place(place, name_of(place.type));
        throw;
    }
}

}  // namespace

PageLoader::Chunk::Chunk(GuestMemory& memory, LoadedPageVisitor& visitor)
    : map{[this, &memory] { at_place(place, [&] { mapping = memory.map(entries); }); }},
      hand_over{[this, &visitor] {
          at_place(place, [&] { visitor.loaded({entries, mapping}); });
          mapping = {};
      }}
{
    entries.reserve(chunk_pages);
}

PageLoader::Record::Record(GuestMemory& memory)
    : announce{[this, &memory] { at_place(place, [&] { memory.announce(entries); }); }}
{
}

PageLoader::PageLoader(GuestMemory& memory, LoadedPageVisitor& visitor) : record_{memory}
{
    for (std::size_t i = 0; i < nr_chunks; ++i) {
        chunks_.emplace_back(memory, visitor);
    }
}

void PageLoader::apply_page_data(StreamReader& reader, Pfn max_pfn)
{
    auto entries = reader.read_page_data_head(max_pfn);
    const StreamPlace& place = reader.head().place;
    count_arrived(entries);
    announce(entries, place);
    while (!entries.empty()) {
        const auto some = rising_run(entries, chunk_pages);
        if (last_ && some.front().pfn <= *last_) {
            read_mapped(reader);
            settle();
        }
        last_ = some.back().pfn;
        map_ahead(some, place);
        if (nr_mapped_ == nr_read_ + nr_ahead) {
            read_next(reader);
        }
        entries = entries.subspan(some.size());
    }
    read_mapped(reader);
    reader.finish_body();
}

/// Senders go through memory upwards: what lies no higher than what came before begins another pass.
void PageLoader::count_arrived(std::span<const PageEntry> entries) noexcept
{
    if (highest_in_pass_ && entries.front().pfn <= *highest_in_pass_) {
        ++nr_passes_;
        nr_arrived_ = 0;
    }
    highest_in_pass_ = entries.back().pfn;
    nr_arrived_ += entries.size();
}

void PageLoader::settle()
{
    worker_.finish(record_.announce);
    for (Chunk& chunk : chunks_) {
        worker_.finish(chunk.map);
        worker_.finish(chunk.hand_over);
    }
    last_.reset();
}

void PageLoader::announce(std::span<const PageEntry> entries, const StreamPlace& place)
{
    worker_.finish(record_.announce);
    record_.entries.assign(entries.begin(), entries.end());
    record_.place = place;
    worker_.start(record_.announce);
}

void PageLoader::map_ahead(std::span<const PageEntry> entries, const StreamPlace& place)
{
    Chunk& free = chunk(nr_mapped_);
    worker_.finish(free.hand_over);
    free.entries.clear();
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(free.entries),
                 [](const PageEntry& entry) { return has_contents(entry.type); });
    if (free.entries.empty()) {
        return;
    }
    free.place = place;
    worker_.start(free.map);
    ++nr_mapped_;
}

void PageLoader::read_next(StreamReader& reader)
{
    Chunk& next = chunk(nr_read_++);
    worker_.finish(next.map);
    iovec whole = iovec_of(next.mapping.octets());
    reader.read_contents({&whole, 1});
    nr_loaded_ += next.entries.size();
    worker_.start(next.hand_over);
}

void PageLoader::read_mapped(StreamReader& reader)
{
    while (nr_read_ < nr_mapped_) {
        read_next(reader);
    }
}

}  // namespace sr
