// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping batches in the making.
#include "libsr/save/batch_pipeline.hpp"

namespace sr {

BatchPipeline::BatchPipeline(PageBatchPreparer& preparer, DirtySets& sets)
    : preparer_{preparer}, sets_{sets}
{
    for (std::size_t i = 0; i < depth; ++i) {
        slots_.emplace_back(preparer);
    }
}

void BatchPipeline::begin_pass(PassKind kind)
{
    preparer_.begin_pass(kind);
    from_ = Pfn{0};
}

std::optional<BatchPipeline::Prepared> BatchPipeline::next()
{
    // The batch before this one has been written: its slot is free.
    while (from_ && nr_started_ < nr_taken_ + depth) {
        start_next();
    }
    if (nr_taken_ == nr_started_) {
        let_go();
        return std::nullopt;
    }
    Slot& taken = slot(nr_taken_++);
    worker_.finish(taken.prepare);
    return Prepared{taken.batch, taken.nr_pfns};
}

/// A frame that is mapped is one that a running guest cannot exchange.
void BatchPipeline::let_go() noexcept
{
    for (Slot& each : slots_) {
        each.batch.mapping = {};
    }
}

/// Pfns without a frame are looked at here: a guest may have millions of them, which make no batch.
void BatchPipeline::start_next()
{
    Slot& free = slot(nr_started_);
    free.nr_pfns = 0;
    do {
        from_ = sets_.take(*from_, PageBatch::max_pages, free.pfns);
        free.nr_pfns += free.pfns.size();
    } while (from_ && !preparer_.has_work(free.pfns));
    worker_.start(free.prepare);
    ++nr_started_;
}

}  // namespace sr
