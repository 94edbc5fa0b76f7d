// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes over a guest's memory: what is wanted goes to the stream, and what went is remembered.
#pragma once

#include "libsr/save/batch_pipeline.hpp"
#include "libsr/save/dirty_sets.hpp"
#include "libsr/save/page_batch.hpp"
#include "libsr/save/save_progress.hpp"
#include "libsr/save/sent_pages.hpp"
#include "libsr/wire/stream_writer.hpp"

namespace sr {

/// Sends pages, pass by pass. Which pages a pass is to send, the caller says beforehand in sets().
class PageSender {
public:
    /// Borrows all. @param remembers  whether what was sent has to be known later: if the guest runs between passes
    PageSender(const Domain& domain, const PvGuest& guest, StreamWriter& writer,
               SaveProgress& progress, Logger& log, bool remembers);

    [[nodiscard]] DirtySets& sets() noexcept { return sets_; }
    [[nodiscard]] const SentPages& sent() const noexcept { return sent_; }
    /// As PageBatchPreparer::set_tables_in_use.
    void set_tables_in_use(const TableReach* tables) noexcept
    {
        preparer_.set_tables_in_use(tables);
    }

    /// A pass over what is wanted. Nothing is wanted then, but what a live pass deferred.
    ///
    /// @param most_pages  what the guest can have: a p2m that names frames again and again would make a stream without
    ///                    end. A live pass defers what is more
    /// @return pages sent with contents
    /// @throws as PageBatchPreparer::prepare; Error{guest} past most_pages; Error as StreamWriter::write_page_data
    std::uint64_t send(PassKind kind, std::uint64_t most_pages);

private:
    void send_batch(const PageBatch& batch, PassKind kind);
    void note_sent(const PageBatch& batch);
    void note_unsaved(const PageBatch& batch);
    void warn_of_unsaved();

    std::uint32_t domid_;
    StreamWriter& writer_;
    SaveProgress& progress_;
    Logger& log_;
    bool remembers_;
    PageBatchPreparer preparer_;
    DirtySets sets_;
    BatchPipeline pipeline_;
    SentPages sent_;
    std::uint64_t most_pages_ = 0;      ///< of the pass at hand
    std::uint64_t nr_sent_ = 0;         ///< in the pass at hand, with contents
    std::uint64_t nr_broken_ = 0;       ///< in the pass at hand
    std::uint64_t nr_not_its_own_ = 0;  ///< in the pass at hand
};

}  // namespace sr
