// SPDX-License-Identifier: LGPL-2.1-or-later
// What changed between a guest's p2m and what was sent of it, and that no log of stores shows.
#pragma once

#include "libsr/mem/p2m.hpp"
#include "libsr/mem/table_reach.hpp"
#include "libsr/save/dirty_sets.hpp"
#include "libsr/save/sent_pages.hpp"

#include <cstdint>
#include <span>

namespace sr {

/// Wants every pfn that has another frame than the one that was sent, has one now, or has none any more: a page that
/// is ballooned out is not itself dirty. The guest stands still.
/// @return how many these are
std::uint64_t want_moved(const GuestP2m& p2m, const SentPages& sent, DirtySets& sets);

/// True if a log, a bit for each pfn, has any of these.
[[nodiscard]] bool any_dirty(std::span<const std::uint64_t> log,
                             std::span<const Pfn> pfns) noexcept;

/// Wants every page that was sent as a table. Its entries went out with the pfns that their frames had then; where the p2m has
/// changed since, these may be others, though nobody wrote to the table.
/// @return how many these are
std::uint64_t want_tables(const SentPages& sent, DirtySets& sets);

/// Wants every pfn that went out as a page table and is none: a reader has numbers of frames where the guest has
/// memory of its own. On hypervisors that report stale types, where such a page need not be dirty.
/// @return how many these are
std::uint64_t want_demoted(const TableReach& tables_in_use, const SentPages& sent, DirtySets& sets);

}  // namespace sr
