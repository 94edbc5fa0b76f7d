// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's grant table: its frames, who maps what it grants, and what it has mapped of others.
#pragma once

#include "tests/fakexen/host/machine.hpp"
#include "tests/fakexen/protocol/xen.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace fakexen {

/// A grant that is mapped: Xen's active entry. It names the frame that the entry named when it was first mapped.
struct ActiveGrant {
    std::uint16_t mapper = 0;
    Mfn frame{0};
    std::uint32_t nr_readers = 0;
    std::uint32_t nr_writers = 0;

    [[nodiscard]] bool is_mapped() const noexcept { return nr_readers + nr_writers > 0; }
};

/// What a handle of GNTTABOP_map_grant_ref stands for: Xen's maptrack entry.
struct GrantMapping {
    std::uint16_t granter = 0;
    grant_ref_t ref = 0;
    std::uint32_t flags = 0;  ///< GNTMAP_…, 0 for a handle that is free
};

/// What a table may become: XEN_DOMCTL_createdomain's, or a whole host's.
struct GrantLimits {
    std::uint32_t max_frames = 64;  ///< shared ones
    std::uint32_t max_version = 2;
};

/// The frames are Xen's own pages, shared with the domain; who makes them is grant_frames.hpp. What is done with mapped
/// grants is in grant_maps.hpp.
class GrantTable {
public:
    static constexpr std::uint32_t initial_frames = 1;
    static constexpr std::uint32_t status_per_frame = page_size / sizeof(grant_status_t);
    static constexpr std::uint32_t v2_entries_per_frame = page_size / sizeof(grant_entry_v2_t);

    GrantLimits limits;

    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
    void set_version(std::uint32_t version) noexcept { version_ = version; }

    [[nodiscard]] std::uint64_t entries_per_frame() const noexcept
    {
        return version_ == 1 ? page_size / sizeof(grant_entry_v1_t) : v2_entries_per_frame;
    }
    [[nodiscard]] std::uint64_t nr_entries() const noexcept
    {
        return shared.size() * entries_per_frame();
    }
    /// How many status frames go with so many shared ones.
    [[nodiscard]] static constexpr std::uint32_t status_frames_for(std::uint32_t frames) noexcept
    {
        return (frames * v2_entries_per_frame + status_per_frame - 1) / status_per_frame;
    }
    /// So many shared frames need the status frame `nr - 1`.
    [[nodiscard]] static constexpr std::uint64_t frames_for_status(std::uint64_t nr) noexcept
    {
        return nr * (status_per_frame / v2_entries_per_frame);
    }

    std::vector<Mfn> shared;
    /// Where Xen tracks status frames, as long as it has such an array: with `eager-status` from the domain's creation,
    /// else while the table is of version 2. Empty is an array without frames.
    std::optional<std::vector<Mfn>> status;

    [[nodiscard]] std::uint32_t nr_status_frames() const noexcept
    {
        return status ? static_cast<std::uint32_t>(status->size()) : 0;
    }

    /// Grants of this domain that others map, by reference.
    std::map<grant_ref_t, ActiveGrant> active;
    /// What this domain has mapped, by handle.
    std::vector<GrantMapping> mappings;

private:
    std::uint32_t version_ = 1;
};

}  // namespace fakexen
