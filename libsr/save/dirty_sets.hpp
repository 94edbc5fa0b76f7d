// SPDX-License-Identifier: LGPL-2.1-or-later
// Which pages still have to go out: sets by pfn, kept apart by why.
#pragma once

#include "libsr/base/bitmap.hpp"
#include "libsr/base/frame.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// The state of a guest's memory with respect to what was sent. As what each pfn was sent is kept apart, in SentPages.
class DirtySets {
public:
    /// @param nr_pfns  pfns of the guest: its highest and one more
    explicit DirtySets(std::uint64_t nr_pfns) : to_send_{nr_pfns}, deferred_{nr_pfns} {}

    /// Everything has to go out: the first pass.
    void want_all() noexcept { to_send_.fill(true); }
    void want(Pfn pfn) noexcept { to_send_.set(pfn.number()); }
    /// What a log says has changed: a bit for each pfn.
    void want(std::span<const std::uint64_t> words) noexcept { to_send_.or_with(words); }

    void leave_out(Pfn pfn) noexcept { to_send_.clear(pfn.number()); }

    /// A page that could not be classified or normalised while the guest ran: the final pass takes
    /// it.
    void defer(Pfn pfn) noexcept { deferred_.set(pfn.number()); }
    /// The guest stands still: what was deferred has to go out now.
    void want_deferred() noexcept
    {
        to_send_.or_with(deferred_);
        deferred_.fill(false);
    }

    /// Moves up to `max` pfns from `from` on, in rising order, out of the set into `batch`.
    /// @return where to go on, or none after the last one
    [[nodiscard]] std::optional<Pfn> take(Pfn from, std::size_t max, std::vector<Pfn>& batch)
    {
        batch.clear();
        auto next = to_send_.next_set(from.number());
        while (next && batch.size() < max) {
            to_send_.clear(*next);
            batch.emplace_back(*next);
            next = to_send_.next_set(*next + 1);
        }
        return next ? std::optional{Pfn{*next}} : std::nullopt;
    }

    [[nodiscard]] std::uint64_t nr_pfns() const noexcept { return to_send_.size(); }
    [[nodiscard]] std::uint64_t nr_to_send() const noexcept { return to_send_.count(); }
    [[nodiscard]] std::uint64_t nr_deferred() const noexcept { return deferred_.count(); }

    /// The guest has got more pfns. None of the new ones is in any set.
    void grow(std::uint64_t nr_pfns)
    {
        to_send_.grow(nr_pfns);
        deferred_.grow(nr_pfns);
    }

private:
    Bitmap to_send_;
    Bitmap deferred_;
};

}  // namespace sr
