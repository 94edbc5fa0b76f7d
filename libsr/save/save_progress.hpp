// SPDX-License-Identifier: LGPL-2.1-or-later
// How far a save has come, and telling the caller.
#pragma once

#include "libsr/base/io.hpp"
#include "libsr/base/progress.hpp"
#include "libsr/save/save.hpp"

namespace sr {

/// The progress of one save. Each report is also a moment at which the caller can stop it.
class SaveProgress {
public:
    /// Borrows both.
    SaveProgress(const Sink& sink, SaveCaller& caller) noexcept : sink_{sink}, caller_{caller} {}

    /// @throws Error{cancelled}
    void report(Phase phase)
    {
        now.phase = phase;
        now.stream_octets = sink_.position();
        caller_.progress(now);
        caller_.check_cancelled();
    }
    /// A pass over memory begins.
    void begin_pass(std::uint64_t nr_pages) noexcept
    {
        now.round = nr_passes_++;
        now.pages_done = 0;
        now.pages_total = nr_pages;
    }

    Progress now;

private:
    const Sink& sink_;
    SaveCaller& caller_;
    std::uint32_t nr_passes_ = 0;
};

}  // namespace sr
