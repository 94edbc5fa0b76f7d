// SPDX-License-Identifier: LGPL-2.1-or-later
// The log-dirty bitmap of a domain, by pfn.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fakexen {

/// Which pfns changed since they were last asked for. Off until XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY.
/// As in Xen 4.17 (arch/x86/mm/paging.c) the counts outlive switching off and on, and CLEAN forgets whole leaves.
class DirtyLog {
public:
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }
    void enable() noexcept { enabled_ = true; }
    void disable() noexcept
    {
        enabled_ = false;
        words_.clear();
    }

    /// Marks one pfn if the log is on. Numbers no guest can have are ignored. @return whether it was not marked yet
    bool mark(std::uint64_t pfn)
    {
        if (!enabled_ || pfn >= pfn_limit) {
            return false;
        }
        if (pfn / 64 >= words_.size()) {
            words_.resize(pfn / 64 + 1);
        }
        const std::uint64_t bit = std::uint64_t{1} << pfn % 64;
        const bool fresh = (words_[pfn / 64] & bit) == 0;
        nr_dirty_ += fresh ? 1U : 0U;
        words_[pfn / 64] |= bit;
        return fresh;
    }

    [[nodiscard]] const std::vector<std::uint64_t>& words() const noexcept { return words_; }
    /// How often a pfn was newly marked since the last clean.
    [[nodiscard]] std::uint64_t nr_dirty() const noexcept { return nr_dirty_; }
    [[nodiscard]] std::uint64_t nr_faults() const noexcept { return faults_; }
    void count_fault() noexcept { ++faults_; }

    /// Forgets the pfns below nr_pages, with the rest of the leaf in which that lies, and the counts. What lies beyond stays
    /// marked.
    void clean(std::uint64_t nr_pages)
    {
        constexpr std::uint64_t words_per_leaf = 512;  // one page of bits
        const std::uint64_t nr_words =
            (nr_pages / 64 + (nr_pages % 64 != 0 ? 1 : 0) + words_per_leaf - 1) / words_per_leaf *
            words_per_leaf;
        std::fill_n(words_.begin(), std::min<std::uint64_t>(nr_words, words_.size()), 0);
        faults_ = nr_dirty_ = 0;
    }

private:
    static constexpr std::uint64_t pfn_limit = std::uint64_t{1} << 28;  ///< a bitmap of 32 MiB

    bool enabled_ = false;
    std::vector<std::uint64_t> words_;
    std::uint64_t faults_ = 0;
    std::uint64_t nr_dirty_ = 0;
};

}  // namespace fakexen
