// SPDX-License-Identifier: LGPL-2.1-or-later
// Batches prepared ahead of the one that is being written.
#pragma once

#include "libsr/base/worker.hpp"
#include "libsr/save/dirty_sets.hpp"
#include "libsr/save/page_batch.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace sr {

/// Passes over the pages that are to be sent, batch by batch in rising order, each prepared on a thread of its own while
/// the one before it is being written.
class BatchPipeline {
public:
    /// Borrows both. Nobody else uses the preparer during a pass.
    BatchPipeline(PageBatchPreparer& preparer, DirtySets& sets);

    /// The last pass, if there was one, is over.
    void begin_pass(PassKind kind);

    struct Prepared {
        const PageBatch& batch;
        std::size_t
            nr_pfns;  ///< dealt with since the batch before, those without a frame among them
    };
    /// The next batch, good until the next call; none after the last, and nothing of the guest's is mapped then.
    /// @throws as PageBatchPreparer::prepare
    [[nodiscard]] std::optional<Prepared> next();

private:
    /// Batches that exist: one is written, the others are prepared or wait.
    static constexpr std::size_t depth = 3;

    struct Slot {
        explicit Slot(PageBatchPreparer& preparer)
            : prepare{[this, &preparer] { preparer.prepare(pfns, batch); }}
        {
            pfns.reserve(PageBatch::max_pages);
        }
        std::vector<Pfn> pfns;
        std::size_t nr_pfns = 0;
        PageBatch batch;
        Job prepare;
    };

    void start_next();
    void let_go() noexcept;
    [[nodiscard]] Slot& slot(std::size_t number) noexcept { return slots_[number % depth]; }

    PageBatchPreparer& preparer_;
    DirtySets& sets_;
    std::optional<Pfn> from_;  ///< where the next batch begins to look
    std::deque<Slot> slots_;
    std::size_t nr_started_ = 0;
    std::size_t nr_taken_ = 0;
    Worker worker_;  // last: its end comes before that of what it works on
};

}  // namespace sr
