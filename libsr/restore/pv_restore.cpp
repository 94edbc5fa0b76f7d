// SPDX-License-Identifier: LGPL-2.1-or-later
// Applying the records of a PV domain.
#include "libsr/restore/pv_restore.hpp"

#include "libsr/mem/localise.hpp"
#include "libsr/mem/pfn_room.hpp"
#include "libsr/restore/pv_completion.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {

void merge_p2m_frames(std::vector<Pfn>& list, const P2mFrames& frames, Pfn highest)
{
    if (frames.first_frame() > list.size()) {
        throw Error{Errc::malformed,
                    "p2m frames from number %zu on, but none for those from %zu on",
                    frames.first_frame(), list.size()};
    }
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        if (frames.frame(i) > highest) {
            throw Error{Errc::malformed, "p2m frame %zu is past the guest's highest pfn",
                        frames.first_frame() + i}
                .with_pfn(frames.frame(i).number());
        }
    }
    list.resize(std::max(list.size(), frames.first_frame() + frames.nr_frames()), Pfn{0});
    for (std::size_t i = 0; i < frames.nr_frames(); ++i) {
        list[frames.first_frame() + i] = frames.frame(i);
    }
}

PvState& PvRestore::state()
{
    if (!state_) {
        throw Error{Errc::internal, "a record came before X86_PV_INFO"};
    }
    return *state_;
}

void PvRestore::apply_pv_info(GuestWidth width)
{
    domain_.set_guest_width(width);
    state_.emplace(guest_abi(width));
    memory_.emplace(domain_, state_->p2m);
    vcpus_.emplace(width, info_.nr_vcpus);
    loader_.emplace(*memory_, *this);
}

void PvRestore::apply_p2m_frames(std::span<const std::byte> body)
{
    PvState& pv = state();
    const P2mFrames frames = decode_p2m_frames(body, pv.abi.width);
    refuse_past_room(frames);
    if (next_) {
        return next_->apply_p2m_frames(frames, pv);
    }
    pv.p2m.raise_highest(frames.last());
    merge_p2m_frames(pv.p2m_frames, frames, *pv.p2m.highest());
}

void PvRestore::refuse_past_room(const P2mFrames& frames) const
{
    if (frames.last().number() >= most_pfns(info_.max_pages)) {
        throw Error{Errc::limit,
                    "a p2m up to pfn %#" PRIx64 " is more than a domain of at most %" PRIu64
                    " pages can need",
                    frames.last().number(), info_.max_pages}
            .with_pfn(frames.last().number());
    }
}

void PvRestore::apply_page_data(StreamReader& reader)
{
    const auto highest = state().p2m.highest();
    if (!highest) {
        throw Error{Errc::malformed, "memory before the guest's p2m is known"};
    }
    if (verify_) {
        verify_->compare_page_data(reader);
    } else if (next_) {
        next_->read_pages(reader, state().p2m);
    } else {
        loader_->apply_page_data(reader, *highest);
    }
}

void PvRestore::settle_pages()
{
    if (loader_) {
        loader_->settle();
    }
}

void PvRestore::apply_vcpu(RecordType type, std::span<const std::byte> body)
{
    (void)state();
    if (next_) {
        next_->apply_vcpu(type, body);
    } else {
        vcpus_->apply(type, body);
    }
}

void PvRestore::apply_shared_info(std::span<const std::byte> body)
{
    if (next_) {
        return next_->apply_shared_info(body);
    }
    const auto page = decode_shared_info(body);
    state().shared_info.assign(page.begin(), page.end());
}

void PvRestore::end_verify()
{
    if (verify_) {
        verify_->require_equal();
        verify_.reset();
    }
}

void PvRestore::begin_checkpoints()
{
    check_complete(state(), *vcpus_, *memory_);
    next_.emplace(state().abi, info_.max_pages, info_.nr_vcpus);
}

void PvRestore::loaded(const LoadedPages& pages)
{
    populate_targets(pages);
    PvState& pv = state();
    const auto lookup = [&](Pfn pfn) { return pv.p2m.mfn_of(pfn); };
    for (std::size_t i = 0; i < pages.entries.size(); ++i) {
        const PageEntry& entry = pages.entries[i];
        if (!is_table(entry.type)) {
            continue;
        }
        const auto outcome = localise_table(pages.mapping.page(i).first<page_size>(), entry.type,
                                            pv.abi, *pv.p2m.highest(), lookup);
        if (!outcome) {
            throw to_error(outcome, entry.pfn, entry.type);
        }
    }
}

/// Tables name pages that may not have arrived yet: these get their frames now, their contents
/// later.
void PvRestore::populate_targets(const LoadedPages& pages)
{
    PvState& pv = state();
    targets_.clear();
    for (std::size_t i = 0; i < pages.entries.size(); ++i) {
        const PageEntry& entry = pages.entries[i];
        if (!is_table(entry.type)) {
            continue;
        }
        const auto outcome = for_each_target(pages.mapping.page(i).first<page_size>(), entry.type,
                                             pv.abi, *pv.p2m.highest(), [&](Pfn pfn) {
                                                 if (!pv.p2m.mfn_of(pfn)) {
                                                     targets_.push_back(pfn.number());
                                                 }
                                             });
        if (!outcome) {
            throw to_error(outcome, entry.pfn, entry.type);
        }
    }
    memory_->populate(targets_);
}

RestoreResults PvRestore::complete()
{
    return complete_pv_domain({domain_, info_, settings_, log_}, state(), *memory_, *vcpus_);
}

std::uint32_t PvRestore::nr_passes() const noexcept
{
    return loader_ ? loader_->nr_passes() : 0;
}

std::uint64_t PvRestore::nr_arrived() const noexcept
{
    return loader_ ? loader_->nr_arrived() : 0;
}

std::uint64_t PvRestore::nr_loaded() const noexcept
{
    return loader_ ? loader_->nr_loaded() : 0;
}

std::uint64_t PvRestore::nr_pfns() const noexcept
{
    const auto highest = state_ ? state_->p2m.highest() : std::nullopt;
    return highest ? highest->number() + 1 : 0;
}

}  // namespace sr
