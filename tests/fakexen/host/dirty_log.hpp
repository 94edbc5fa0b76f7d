// SPDX-License-Identifier: LGPL-2.1-or-later
// The log-dirty bitmap of a domain, by pfn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fakexen {

/// Which pfns changed since they were last asked for. Off until XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY.
class DirtyLog {
public:
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }
    void enable()
    {
        enabled_ = true;
        words_.clear();
        faults_ = nr_dirty_ = 0;
    }
    void disable() noexcept
    {
        enabled_ = false;
        words_.clear();
    }

    /// Marks one pfn if the log is on. Numbers no guest can have are ignored.
    void mark(std::uint64_t pfn)
    {
        if (!enabled_ || pfn >= pfn_limit) {
            return;
        }
        if (pfn / 64 >= words_.size()) {
            words_.resize(pfn / 64 + 1);
        }
        const std::uint64_t bit = std::uint64_t{1} << pfn % 64;
        nr_dirty_ += (words_[pfn / 64] & bit) == 0 ? 1U : 0U;
        words_[pfn / 64] |= bit;
    }

    [[nodiscard]] const std::vector<std::uint64_t>& words() const noexcept { return words_; }
    /// Distinct pfns marked since the last clean.
    [[nodiscard]] std::uint64_t nr_dirty() const noexcept { return nr_dirty_; }
    [[nodiscard]] std::uint64_t nr_faults() const noexcept { return faults_; }
    void count_fault() noexcept { ++faults_; }

    void clean()
    {
        words_.assign(words_.size(), 0);
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
