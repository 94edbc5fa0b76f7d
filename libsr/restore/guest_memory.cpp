// SPDX-License-Identifier: LGPL-2.1-or-later
// Populating, mapping and giving back.
#include "libsr/restore/guest_memory.hpp"

#include "libsr/mem/load_once.hpp"
#include "libsr/mem/pte.hpp"
#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <cinttypes>
#include <iterator>

namespace sr {
namespace {

/// Entries whose frames are asked for in one call: what a sender writes in one record.
constexpr std::size_t announced_together = limits::pages_per_record;

}  // namespace

void GuestMemory::announce(std::span<const PageEntry> entries)
{
    while (!entries.empty()) {
        const auto some = entries.first(std::min(entries.size(), announced_together));
        wanted_.clear();
        for (const PageEntry& entry : some) {
            set_type(entry);
            if (needs_frame(entry.type)) {
                wanted_.push_back(entry.pfn.number());
            }
        }
        populate(wanted_);
        entries = entries.subspan(some.size());
    }
}

void GuestMemory::set_type(const PageEntry& entry)
{
    if (entry.type == PageType::broken) {
        count_broken(entry.pfn);
    } else if (!needs_frame(entry.type) && !p2m_.mfn_of(entry.pfn) && !p2m_.type_of(entry.pfn)) {
        return;  // a hole that never was anything else: nothing to remember
    }
    p2m_.set_type(entry.pfn, entry.type);
}

void GuestMemory::count_broken(Pfn pfn)
{
    if (p2m_.type_of(pfn) == PageType::broken) {
        return;
    }
    if (++nr_broken_ > limits::broken_pages_max) {
        throw Error{Errc::limit, "more than %" PRIu64 " broken pages: no host had that many",
                    limits::broken_pages_max}
            .with_pfn(pfn.number());
    }
}

ForeignMapping GuestMemory::map(std::span<const PageEntry> entries)
{
    mfns_.clear();
    std::transform(entries.begin(), entries.end(), std::back_inserter(mfns_),
                   [this](const PageEntry& entry) { return p2m_.mfn_of(entry.pfn)->number(); });
    return mapper_.map(mfns_, Access::read_write,
                       [entries](std::size_t i) { return entries[i].pfn.number(); });
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
    nr_frames_ += pfns.size();
    for (std::size_t i = 0; i < pfns.size(); ++i) {
        p2m_.set_mfn(Pfn{pfns[i]}, Mfn{mfns_[i]});
    }
}

std::uint64_t GuestMemory::empty_broken()
{
    std::uint64_t nr_lost = 0;
    std::vector<std::uint64_t> frames;
    p2m_.for_each_type([&](Pfn pfn, PageType type) {
        if (type == PageType::broken) {
            ++nr_lost;
            if (const auto mfn = p2m_.mfn_of(pfn)) {
                frames.push_back(mfn->number());
            }
        }
    });
    empty(frames);
    return nr_lost;
}

void GuestMemory::empty(std::span<const std::uint64_t> mfns)
{
    while (!mfns.empty()) {
        const auto some = mfns.first(std::min(mfns.size(), announced_together));
        const ForeignMapping pages = mapper_.map(some, Access::read_write);
        std::fill(pages.octets().begin(), pages.octets().end(), std::byte{0});
        mfns = mfns.subspan(some.size());
    }
}

/// A broken page keeps its frame, emptied: tables may name it.
bool GuestMemory::is_unused(Pfn pfn) const noexcept
{
    const auto type = p2m_.type_of(pfn);
    return !type || !(needs_frame(*type) || *type == PageType::broken);
}

std::uint64_t GuestMemory::nr_unused() const
{
    std::uint64_t nr = 0;
    p2m_.for_each_frame([&](Pfn pfn, Mfn /*mfn*/) { nr += is_unused(pfn) ? 1U : 0U; });
    return nr;
}

GuestMemory::Unused GuestMemory::find_unused(const std::function<bool(Pfn)>& is_rewritten)
{
    FramePfns frames;
    p2m_.for_each_frame([&](Pfn pfn, Mfn mfn) {
        if (is_unused(pfn)) {
            frames.emplace(mfn.number(), pfn);
        }
    });
    Unused found;
    if (frames.empty()) {
        return found;
    }
    const std::size_t nr_before = frames.size();
    leave_out_named(frames, is_rewritten);
    found.nr_named = nr_before - frames.size();
    found.pfns.reserve(frames.size());
    std::transform(frames.begin(), frames.end(), std::back_inserter(found.pfns),
                   [](const auto& frame) { return frame.second; });
    std::sort(found.pfns.begin(), found.pfns.end());
    return found;
}

void GuestMemory::leave_out_named(FramePfns& frames, const std::function<bool(Pfn)>& is_rewritten)
{
    std::vector<std::uint64_t> tables;
    p2m_.for_each_type([&](Pfn pfn, PageType type) {
        if (!is_table(type) || (is_rewritten && is_rewritten(pfn))) {
            return;
        }
        if (const auto mfn = p2m_.mfn_of(pfn)) {
            tables.push_back(mfn->number());
        }
    });
    for (std::span<const std::uint64_t> left{tables}; !left.empty();) {
        const auto some = left.first(std::min(left.size(), announced_together));
        const ForeignMapping pages = mapper_.map(some, Access::read);
        const auto octets = pages.octets();
        for (std::size_t at = 0; at < octets.size(); at += sizeof(std::uint64_t)) {
            const Pte<Mfn> entry{load_once<std::uint64_t>(octets, at)};
            if (entry.present()) {
                frames.erase(entry.frame().number());
            }
        }
        left = left.subspan(some.size());
    }
}

void GuestMemory::give_back(std::span<const Pfn> pfns)
{
    if (pfns.empty()) {
        return;
    }
    std::vector<std::uint64_t> mfns(pfns.size());
    std::transform(pfns.begin(), pfns.end(), mfns.begin(),
                   [this](Pfn pfn) { return p2m_.mfn_of(pfn).value().number(); });
    empty(mfns);
    domain_.give_back(mfns);
    for (const Pfn pfn : pfns) {
        p2m_.forget_mfn(pfn);
    }
    nr_frames_ -= pfns.size();
}

}  // namespace sr
