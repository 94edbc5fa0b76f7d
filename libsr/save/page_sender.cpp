// SPDX-License-Identifier: LGPL-2.1-or-later
// From sets of pages to PAGE_DATA records.
#include "libsr/save/page_sender.hpp"

#include <cinttypes>

namespace sr {
namespace {

/// Pages of a kind that a pass names one by one: a guest decides how many there are, and may be standing still.
constexpr std::uint64_t most_named = 32;

}  // namespace

PageSender::PageSender(const Domain& domain, const PvGuest& guest, StreamWriter& writer,
                       SaveProgress& progress, Logger& log, bool remembers)
    : domid_{domain.domid()}, writer_{writer}, progress_{progress}, log_{log},
      remembers_{remembers}, preparer_{domain, guest}, sets_{guest.highest_pfn().number() + 1},
      pipeline_{preparer_, sets_}
{
}

std::uint64_t PageSender::send(PassKind kind, std::uint64_t most_pages)
{
    most_pages_ = most_pages;
    nr_sent_ = nr_broken_ = nr_not_its_own_ = 0;
    const Phase phase = guest_runs(kind) ? Phase::live : Phase::memory;
    progress_.begin_pass(sets_.nr_to_send());
    pipeline_.begin_pass(kind);
    while (const auto prepared = pipeline_.next()) {
        send_batch(prepared->batch, kind);
        progress_.now.pages_done += prepared->nr_pfns;
        progress_.report(phase);
    }
    warn_of_unsaved();
    return nr_sent_;
}

void PageSender::send_batch(const PageBatch& batch, PassKind kind)
{
    for (const Pfn pfn : batch.deferred) {
        sets_.defer(pfn);
    }
    if (batch.entries.empty()) {
        return;
    }
    if (nr_sent_ + batch.nr_with_contents > most_pages_) {
        if (guest_runs(kind)) {
            for (const PageEntry& entry : batch.entries) {
                sets_.defer(entry.pfn);
            }
            return;
        }
        throw Error{Errc::guest,
                    "the p2m of domain %u holds more frames than its %" PRIu64
                    " pages: some stand at several pfns",
                    domid_, most_pages_}
            .with_pfn(batch.entries.back().pfn.number());
    }
    note_unsaved(batch);
    writer_.write_page_data(batch.entries, batch.contents);
    nr_sent_ += batch.nr_with_contents;
    progress_.now.pages_sent += batch.nr_with_contents;
    if (remembers_) {
        note_sent(batch);
    }
}

void PageSender::note_sent(const PageBatch& batch)
{
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        const std::uint64_t gfn = batch.gfns[i];
        sent_.note(batch.entries[i].pfn,
                   gfn == PageTypeQuery::no_frame ? std::nullopt : std::optional{Mfn{gfn}},
                   batch.entries[i].type);
    }
}

void PageSender::note_unsaved(const PageBatch& batch)
{
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        const PageEntry& entry = batch.entries[i];
        if (entry.type == PageType::broken) {
            if (nr_broken_++ < most_named) {
                log_.warning("pfn %#" PRIx64 " is lost to a memory error of the host",
                             entry.pfn.number());
            }
        } else if (!has_contents(entry) && batch.gfns[i] != PageTypeQuery::no_frame) {
            if (nr_not_its_own_++ < most_named) {
                log_.debug("pfn %#" PRIx64 " is a machine frame that is not the guest's memory",
                           entry.pfn.number());
            }
        }
    }
}

/// Nothing is left out in silence.
void PageSender::warn_of_unsaved()
{
    if (nr_broken_ != 0) {
        log_.warning("%" PRIu64 " pages of domain %u are lost: the host's memory is broken",
                     nr_broken_, domid_);
    }
    if (nr_not_its_own_ != 0) {
        log_.warning("%" PRIu64 " pfns of domain %u name machine frames that are not its memory "
                     "(another domain's, mapped by grant): they are saved as holes",
                     nr_not_its_own_, domid_);
    }
}

}  // namespace sr
