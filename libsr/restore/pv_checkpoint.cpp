// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping, checking and applying a checkpoint.
#include "libsr/restore/pv_checkpoint.hpp"

#include "libsr/mem/localise.hpp"
#include "libsr/restore/guest_memory.hpp"
#include "libsr/restore/page_loader.hpp"
#include "libsr/restore/pv_completion.hpp"
#include "libsr/restore/pv_restore.hpp"
#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <cinttypes>

namespace sr {

/// A guest as it was, which comes back unless it is let go: the types of its pages, and where its p2m is.
class PvCheckpoint::Before {
public:
    explicit Before(PvState& pv) : pv_{&pv}, highest_{pv.p2m.highest()}, p2m_frames_{pv.p2m_frames}
    {
    }
    Before(const Before&) = delete;
    Before& operator=(const Before&) = delete;
    ~Before()
    {
        for (const Pfn pfn : without_frames_) {
            pv_->p2m.forget_mfn(pfn);
        }
        if (is_over_) {
            return;
        }
        for (const auto& [pfn, type] : types_) {
            pv_->p2m.restore_type(pfn, type);
        }
        pv_->p2m.restore_highest(highest_);
        pv_->p2m_frames.swap(p2m_frames_);
    }
    void note_type(Pfn pfn) { types_.emplace_back(pfn, pv_->p2m.type_of(pfn)); }
    /// Until this goes a pfn that has no frame has one, whatever its number.
    void pretend_frame(Pfn pfn)
    {
        without_frames_.push_back(pfn);
        pv_->p2m.set_mfn(pfn, Mfn{0});
    }
    [[nodiscard]] std::uint64_t nr_pretended() const noexcept { return without_frames_.size(); }
    void let_go() noexcept { is_over_ = true; }

private:
    PvState* pv_;
    std::optional<Pfn> highest_;
    std::vector<Pfn> p2m_frames_;
    std::vector<std::pair<Pfn, std::optional<PageType>>> types_;
    std::vector<Pfn> without_frames_;
    bool is_over_ = false;
};

void PvCheckpoint::read_pages(StreamReader& reader, const RestoreP2m& p2m)
{
    // RecordOrder has P2M_FRAMES come before any page.
    const Pfn highest = p2m_place_ ? p2m_place_->highest : *p2m.highest();
    const auto entries = reader.read_page_data_head(highest);
    pages_.read(reader, entries, p2m);
    check_tables(entries, highest);
    reader.finish_body();
}

void PvCheckpoint::check_tables(std::span<const PageEntry> entries, Pfn highest) const
{
    for (const PageEntry& entry : entries) {
        if (!is_table(entry.type)) {
            continue;
        }
        const auto page = pages_.find(entry.pfn);
        if (!page || !is_table(page->entry.type)) {
            continue;  // the record names it again, as something else
        }
        const auto outcome = for_each_target(page->contents.first<page_size>(), page->entry.type,
                                             abi_, highest, [](Pfn) {});
        if (!outcome) {
            throw to_error(outcome, entry.pfn, page->entry.type);
        }
    }
}

void PvCheckpoint::apply_p2m_frames(const P2mFrames& frames, const PvState& pv)
{
    if (!p2m_place_) {
        p2m_place_.emplace(P2mPlace{*pv.p2m.highest(), pv.p2m_frames});
    }
    // In place: the list may be long, and the record short and one of many.
    const Pfn highest = std::max(p2m_place_->highest, frames.last());
    merge_p2m_frames(p2m_place_->frames, frames, highest);
    p2m_place_->highest = highest;
}

void PvCheckpoint::apply_shared_info(std::span<const std::byte> body)
{
    const auto page = decode_shared_info(body);
    shared_info_.assign(page.begin(), page.end());
}

void PvCheckpoint::prepare(PvState& pv, GuestMemory& memory)
{
    Before before{pv};
    if (p2m_place_) {
        pv.p2m.raise_highest(p2m_place_->highest);
        pv.p2m_frames = p2m_place_->frames;
    }
    pages_.for_each([&](const PageBuffer::Page& page) {
        before.note_type(page.entry.pfn);
        memory.set_type(page.entry);
        if (needs_frame(page.entry.type) && !pv.p2m.mfn_of(page.entry.pfn)) {
            before.pretend_frame(page.entry.pfn);
        }
    });
    check_targets(pv, before);
    // What is pretended is no frame of the domain's.
    choose_frames(memory, before.nr_pretended());
    check_complete(pv, vcpus_, memory, [this](Pfn pfn) {
        const auto page = pages_.find(pfn);
        return page ? page->contents : std::span<const std::byte>{};
    });
    before.let_go();
}

/// The hypervisor refuses a table that names a page which the guest does not have; when it does, the guest of the checkpoint
/// before is gone.
void PvCheckpoint::check_targets(const PvState& pv, Before& before) const
{
    pages_.for_each([&](const PageBuffer::Page& page) {
        if (!is_table(page.entry.type)) {
            return;
        }
        const auto outcome = for_each_target(
            page.contents.first<page_size>(), page.entry.type, abi_, *pv.p2m.highest(),
            [&](Pfn pfn) {
                const auto type = pv.p2m.type_of(pfn);
                if (!type || !(needs_frame(*type) || *type == PageType::broken)) {
                    throw Error{Errc::malformed,
                                "the %s of pfn %#" PRIx64 " names pfn %#" PRIx64
                                ", which is none of the guest's",
                                to_string(page.entry.type), page.entry.pfn.number(), pfn.number()}
                        .with_pfn(pfn.number());
                }
                if (!pv.p2m.mfn_of(pfn)) {
                    before.pretend_frame(pfn);
                }
            });
        if (!outcome) {
            throw to_error(outcome, page.entry.pfn, page.entry.type);
        }
    });
}

/// Frames of pages that are gone stay while the domain may own more: the stock sender says "gone" of a table, too, that it
/// cannot translate just now, sends it at a later checkpoint, and not the tables that name its frame.
void PvCheckpoint::choose_frames(GuestMemory& memory, std::uint64_t nr_new)
{
    const std::uint64_t nr_frames = memory.nr_frames() + nr_new;
    const std::uint64_t nr_short = nr_frames > max_pages_ ? nr_frames - max_pages_ : 0;
    spare_.clear();
    if (nr_short == 0) {
        return;
    }
    if (nr_short <= memory.nr_unused()) {
        // Tables of this checkpoint name none of them, as check_targets() knows; those before may.
        spare_ = memory.find_unused([this](Pfn pfn) { return pages_.find(pfn).has_value(); }).pfns;
    }
    if (nr_short > spare_.size()) {
        throw Error{Errc::limit,
                    "a checkpoint of a guest with more pages than the %" PRIu64
                    " that the domain may own",
                    max_pages_};
    }
    spare_.resize(nr_short, Pfn{0});
}

void PvCheckpoint::apply(PvState& pv, GuestMemory& memory, LoadedPageVisitor& visitor,
                         VcpuRecords& vcpus)
{
    memory.give_back(spare_);
    std::vector<PageEntry> entries;
    std::vector<std::span<const std::byte>> contents;
    const auto load = [&] {
        if (entries.empty()) {
            return;
        }
        memory.announce(entries);
        const ForeignMapping mapping = memory.map(entries);
        for (std::size_t i = 0; i < contents.size(); ++i) {
            std::copy(contents[i].begin(), contents[i].end(), mapping.page(i).begin());
        }
        visitor.loaded({entries, mapping});
        entries.clear();
        contents.clear();
    };
    pages_.for_each([&](const PageBuffer::Page& page) {
        if (!has_contents(page.entry)) {
            return memory.announce(
                {&page.entry, 1});  // no sender of today has a frame without contents
        }
        entries.push_back(page.entry);
        contents.push_back(page.contents);
        if (entries.size() == limits::pages_per_record) {
            load();
        }
    });
    load();
    vcpus = std::move(vcpus_);
    pv.shared_info = std::move(shared_info_);
    clear();
}

void PvCheckpoint::clear()
{
    pages_.clear();
    vcpus_ = VcpuRecords{abi_.width, nr_vcpus_};
    shared_info_.clear();
    p2m_place_.reset();
    spare_.clear();
}

}  // namespace sr
