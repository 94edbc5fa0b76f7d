// SPDX-License-Identifier: LGPL-2.1-or-later
// Coalescing pages by pfn.
#include "libsr/restore/page_buffer.hpp"

#include <cinttypes>

namespace sr {
namespace {

bool is_hole(Pfn pfn, const RestoreP2m& p2m)
{
    const auto type = p2m.type_of(pfn);
    return !p2m.mfn_of(pfn) && (!type || *type == PageType::xtab);
}

}  // namespace

void PageBuffer::read(StreamReader& reader, std::span<const PageEntry> entries,
                      const RestoreP2m& p2m)
{
    wanted_.clear();
    for (const PageEntry& entry : entries) {
        put(entry, p2m);
        if (wanted_.size() == limits::pages_per_record) {
            read_wanted(reader);
        }
    }
    read_wanted(reader);
}

void PageBuffer::read_wanted(StreamReader& reader)
{
    reader.read_contents(wanted_);
    wanted_.clear();
}

/// A pfn that comes twice keeps its slot, so that the octets that come last are those that stay: they are read in order,
/// also where the slot was given to another pfn meanwhile.
void PageBuffer::put(const PageEntry& entry, const RestoreP2m& p2m)
{
    Place place = places_.find(entry.pfn.number());
    if (entry.type == PageType::xtab && place == Place{} && is_hole(entry.pfn, p2m)) {
        return;
    }
    count(place, entry.type);
    if (!has_contents(entry.type)) {
        if (place.slot != no_slot) {
            free_slots_.push_back(place.slot);
            place.slot = no_slot;
        }
    } else if (place.slot == no_slot) {
        place.slot = take_slot();
    }
    place.type = static_cast<std::uint8_t>(to_wire(entry.type));
    places_.set(entry.pfn.number(), place);
    if (place.slot != no_slot) {
        wanted_.push_back(iovec_of(slot_octets(place.slot)));
    }
}

/// Not by contents alone: entries without any take memory too, and cost their sender 8 octets.
void PageBuffer::count(Place before, PageType now)
{
    if (before == Place{}) {
        ++nr_pfns_;
    } else {
        const auto type = static_cast<PageType>(before.type);
        nr_framed_ -= needs_frame(type) ? 1U : 0U;
        nr_broken_ -= type == PageType::broken ? 1U : 0U;
    }
    nr_framed_ += needs_frame(now) ? 1U : 0U;
    nr_broken_ += now == PageType::broken ? 1U : 0U;
    if (nr_framed_ > max_pages_) {
        throw Error{Errc::limit,
                    "a checkpoint with more pages than the %" PRIu64 " that the domain may own",
                    max_pages_};
    }
    // As many as there may be can go, and as many come.
    if (nr_broken_ > limits::broken_pages_max ||
        nr_pfns_ / 2 > max_pages_ + limits::broken_pages_max) {
        throw Error{Errc::limit,
                    "a checkpoint that names %" PRIu64 " pfns, %" PRIu64
                    " of them broken, of a domain of at most %" PRIu64 " pages",
                    nr_pfns_, nr_broken_, max_pages_};
    }
}

std::uint32_t PageBuffer::take_slot()
{
    if (!free_slots_.empty()) {
        const std::uint32_t slot = free_slots_.back();
        free_slots_.pop_back();
        return slot;
    }
    if (nr_slots_ == chunks_.size() * chunk_pages) {
        chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_pages * page_size));
    }
    return nr_slots_++;
}

void PageBuffer::clear()
{
    places_ = SparseArray<Place>{limits::pv_pfn_max};
    nr_pfns_ = nr_framed_ = nr_broken_ = 0;
    chunks_.resize((nr_slots_ + chunk_pages - 1) / chunk_pages);
    nr_slots_ = 0;
    free_slots_.clear();
}

std::optional<PageBuffer::Page> PageBuffer::find(Pfn pfn) const
{
    const Place place = places_.find(pfn.number());
    return place == Place{} ? std::nullopt : std::optional{page_at(pfn, place)};
}

PageBuffer::Page PageBuffer::page_at(Pfn pfn, Place place) const
{
    return {{pfn, static_cast<PageType>(place.type)},
            place.slot == no_slot ? std::span<const std::byte>{} : slot_octets(place.slot)};
}

std::span<std::byte> PageBuffer::slot_octets(std::uint32_t slot) const
{
    return {chunks_[slot / chunk_pages].get() + slot % chunk_pages * page_size, page_size};
}

}  // namespace sr
