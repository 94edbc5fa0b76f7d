// SPDX-License-Identifier: LGPL-2.1-or-later
// Foreign mappings: which process holds which frames, and the references that go with them.
#pragma once

#include "tests/fakexen/host/page_types.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fakexen {

/// A grant that a process of dom0's has mapped, as gntdev does it for libxengnttab.
struct MappedGrant {
    std::uint16_t granter = 0;
    std::uint32_t ref = 0;
    std::uint32_t notify_offset = ~0U;  ///< the octet that becomes 0 at the end; ~0: none does
    std::uint32_t notify_port = ~0U;    ///< dom0's port that is sent on at the end; ~0: none is
};

/// One call of xenforeignmemory_map, or what is left of it; or one page that was mapped by grant.
struct ForeignMapping {
    pid_t process;
    std::uint64_t address;  ///< where the process sees it
    std::uint16_t domid;
    bool writable;
    std::vector<std::uint64_t>
        frames;                   ///< mfn by page; no_frame where nothing is mapped (any more)
    std::uint64_t nr_mapped = 0;  ///< pages that are still mapped
    std::optional<MappedGrant> grant{};

    static constexpr std::uint64_t no_frame = 0;
};

/// Holds a reference for each mapped RAM frame, and a writable type reference for each writable one.
///
/// A library cannot see a plain munmap, so a mapping here may be gone in the process. It counts as mapped until
/// someone minds: then /proc/PID/maps decides (reclaim_stale).
class ForeignMaps {
public:
    ForeignMaps(Machine& machine, PageTypes& types) : machine_{machine}, types_{types} {}

    /// Called when a page that was mapped by grant is unmapped, while its frame is still held.
    std::function<void(const MappedGrant&, Mfn, bool writable)> grant_unmapped;

    /// Maps frames one by one. offsets[i] becomes the frame's offset in the memory file, or a negative errno.
    /// @param owner whose frames they must be; null for DOMID_XEN, which owns the M2P table
    void map(ForeignMapping mapping, Domain* owner, std::span<std::int64_t> offsets);

    /// The process says that it has unmapped these pages.
    void unmap(pid_t process, std::uint64_t address, std::uint64_t nr_pages);

    /// The process is dead. @return pages that it still had mapped
    std::uint64_t release_process(pid_t process);

    /// Drops what no process has mapped any more. @return whether there was any
    bool reclaim_stale();
    /// The same for one process.
    bool reclaim_stale(pid_t process);

    [[nodiscard]] const std::vector<ForeignMapping>& all() const noexcept { return mappings_; }

private:
    [[nodiscard]] std::int64_t map_frame(Mfn mfn, bool writable, Domain* owner);
    void drop(ForeignMapping& mapping, std::size_t index);
    void drop_range(pid_t process, std::uint64_t address, std::uint64_t nr_pages);
    void forget_empty();

    Machine& machine_;
    PageTypes& types_;
    std::vector<ForeignMapping> mappings_;
};

}  // namespace fakexen
