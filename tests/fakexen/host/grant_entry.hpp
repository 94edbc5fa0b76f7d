// SPDX-License-Identifier: LGPL-2.1-or-later
// An entry of a grant table in place, of either version. Its domain may write it at any time.
#pragma once

#include "tests/fakexen/host/domain.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fakexen {

/// An entry that is there: its reference is below nr_entries(). Good until the table's frames or version change.
class GrantEntry {
public:
    GrantEntry(const Machine& machine, const GrantTable& table, grant_ref_t ref)
        : machine_{machine}, table_{table}, ref_{ref}
    {
    }

    using Head = std::atomic_ref<std::uint32_t>;

    /// Flags (low half) and domid (high half).
    [[nodiscard]] Head head() const { return Head{field<std::uint32_t>(0)}; }

    /// The frame of a full-page entry. In version 2 it has 64 bits.
    [[nodiscard]] std::uint64_t frame() const
    {
        return is_v1() ? field<std::uint32_t>(offsetof(grant_entry_v1_t, frame))
                       : field<std::uint64_t>(offsetof(grant_entry_v2_t, full_page.frame));
    }

    /// GTF_reading and GTF_writing of an entry of version 2, which lie apart from it.
    using Status = std::atomic_ref<grant_status_t>;
    [[nodiscard]] Status status() const
    {
        const Mfn frame = table_.status->at(ref_ / GrantTable::status_per_frame);
        const std::size_t offset = ref_ % GrantTable::status_per_frame * sizeof(grant_status_t);
        return Status{machine_.structure<grant_status_t>(frame, offset)};
    }

    /// Takes back that the grant is in use so.
    void clear_use(std::uint16_t flags) const
    {
        if (is_v1()) {
            head().fetch_and(~std::uint32_t{flags});
        } else {
            status().fetch_and(static_cast<grant_status_t>(~flags));
        }
    }

    [[nodiscard]] bool is_v1() const noexcept { return table_.version() == 1; }

private:
    template <typename T>
    [[nodiscard]] T& field(std::size_t offset_in_entry) const
    {
        const std::size_t size = page_size / table_.entries_per_frame();
        const Mfn frame = table_.shared.at(ref_ / table_.entries_per_frame());
        return machine_.structure<T>(frame,
                                     ref_ % table_.entries_per_frame() * size + offset_in_entry);
    }

    const Machine& machine_;
    const GrantTable& table_;
    grant_ref_t ref_;
};

}  // namespace fakexen
