// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's grant table, read without changing it.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/xen/domain.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

struct xenforeignmemory_resource_handle;

namespace sr {

/// What two calls tell, neither of which touches the table.
struct GrantTableSize {
    GrantVersion version;
    std::uint32_t nr_frames;   ///< that it has; never fewer later
    std::uint32_t max_frames;  ///< to which it may grow
};

/// The table as it was at one moment of a guest that stands still, and about so of one that runs.
struct GrantTableCopy {
    GrantTableSize size;
    std::vector<GrantEntry> entries;  ///< those that are not empty, refs ascending
};

/// Whether to look at the status frames of a table of version 2.
enum class GrantStatus : std::uint8_t { leave, read };

/// Frames of a domain's grant table, mapped for reading as XENMEM_acquire_resource gives them.
class GrantFrames {
public:
    GrantFrames(GrantFrames&& other) noexcept;
    GrantFrames& operator=(GrantFrames&&) = delete;
    GrantFrames(const GrantFrames&) = delete;
    GrantFrames& operator=(const GrantFrames&) = delete;
    ~GrantFrames();

    /// What the guest and Xen may be writing: copy before use.
    [[nodiscard]] std::span<const std::byte> octets() const noexcept;

private:
    friend class GrantTable;
    enum class Kind : std::uint8_t { shared, status };

    GrantFrames() = default;

    xenforeignmemory_handle* fmem_ = nullptr;
    xenforeignmemory_resource_handle* handle_ = nullptr;
    void* address_ = nullptr;
    std::size_t nr_frames_ = 0;
};

/// Reads one domain's grant table.
///
/// Acquiring a frame beyond the table makes it grow, and acquiring status frames beyond those makes those grow: so the
/// size is asked first, and nothing is asked for that is not within. Entries stay mapped from the first look on; a table
/// never gives their frames up. Status frames it does, when the guest goes back to version 1: they are mapped for the length
/// of a look only. A PV guest cannot go back meanwhile (EBUSY); one of another kind is crashed by Xen when it tries
/// (gnttab_unpopulate_status_frames() of 4.17), so ask for its status only while it stands still.
class GrantTable {
public:
    /// Borrows domain. Makes no call.
    explicit GrantTable(const Domain& domain) noexcept : domain_{domain} {}

    /// @throws Error{hypervisor}; Error{unsupported} for a version that is neither
    [[nodiscard]] GrantTableSize size() const;

    /// Maps the entries that there are, which a look would do: to learn early whether that is possible.
    /// @throws Error{hypervisor}
    void map() { map_entries(size().nr_frames); }

    /// Copies and decodes all of it.
    ///
    /// A guest that switches versions clears its table, and what stands there then has another layout. So the version is
    /// asked again once the copy is made, and a copy that saw two is not decoded but made again. So it is where status frames
    /// were refused: that is all there is to see of two switches, there and back. (Without status there is nothing to see.)
    /// @param status  read: of a domain that is not PV only while it is paused or shut down
    /// @throws Error{hypervisor}; Error{guest} if the guest goes on switching
    [[nodiscard]] GrantTableCopy read(GrantStatus status);

private:
    [[nodiscard]] GrantVersion version() const;
    /// @return none where the hypervisor refuses frames of this kind with EINVAL
    [[nodiscard]] std::optional<GrantFrames> acquire(GrantFrames::Kind kind, std::uint32_t first,
                                                     std::uint32_t nr_frames) const;
    void map_entries(std::uint32_t nr_frames);
    [[nodiscard]] Octets copy_entries(std::uint32_t nr_frames) const;
    [[nodiscard]] std::optional<Octets> copy_status(std::uint32_t nr_frames) const;

    const Domain& domain_;
    std::vector<GrantFrames> entries_;  ///< in order, without gaps
    std::uint32_t nr_mapped_ = 0;
};

}  // namespace sr
