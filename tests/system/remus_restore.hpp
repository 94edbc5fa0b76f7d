// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores of checkpointed streams that were made by hand of one guest's saves, and end with a checkpoint.
#pragma once

#include "tests/system/saved_guest.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sr::test {

class RemusRestore : public SavedGuest {
protected:
    void SetUp() override
    {
        SavedGuest::SetUp();
        stream_ = checkpointed(saves_);
    }

    /// The stream with its last checkpoint changed: fn(records, first of it, its CHECKPOINT).
    template <typename Fn>
    [[nodiscard]] Octets with_last_checkpoint(Fn&& fn) const
    {
        StreamPieces changed = stream_;
        auto& records = changed.records;
        const auto before_last =
            std::find_if(records.rbegin() + 1, records.rend(), [](const RecordPiece& r) {
                return r.type == RecordType::checkpoint;
            }).base();
        fn(records, before_last);
        return join(changed);
    }
    using Records = std::vector<RecordPiece>;

    static constexpr std::size_t rdx_offset = 8 + 616;   ///< in X86_PV_VCPU_BASIC
    static constexpr std::size_t store_mfn_offset = 56;  ///< in start_info
    [[nodiscard]] std::uint64_t start_info_pfn_of_last() const
    {
        StreamPieces last = split(saves_.back());
        return load<std::uint64_t>(last.first(RecordType::x86_pv_vcpu_basic).body, rdx_offset);
    }
    [[nodiscard]] StreamPage start_info_of_last() const
    {
        return pages_of(split(saves_.back())).at(start_info_pfn_of_last());
    }

    /// Checkpoints of the last save, each with some pages more.
    [[nodiscard]] Octets with_more_pages(const std::vector<StreamPages>& more) const
    {
        StreamPieces stream = checkpointed(std::vector<Octets>(more.size(), saves_.back()));
        std::size_t nth = 0;
        for (std::size_t i = 0; i < stream.records.size(); ++i) {
            if (stream.records[i].type == RecordType::x86_tsc_info) {
                const auto records = page_records(more.at(nth++));
                stream.records.insert(stream.records.begin() + static_cast<long>(i),
                                      records.begin(), records.end());
                i += records.size();
            }
        }
        return join(stream);
    }

    StreamPieces stream_;
};

}  // namespace sr::test
