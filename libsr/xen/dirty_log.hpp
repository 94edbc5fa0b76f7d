// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypervisor's log of the pages that a running domain changes: XEN_DOMCTL_shadow_op.
#pragma once

#include "libsr/base/log.hpp"
#include "libsr/xen/call.hpp"
#include "libsr/xen/domain.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace sr {

/// Log-dirty mode of a domain: on when constructed, off when destroyed. If that fails there is nothing to be done but to say so:
/// the guest is slow, and the next log turns it off.
///
/// The log is kept by pfn, for PV domains too. It shows stores, and every change of a page table's type or pin.
class DirtyLog {
public:
    /// Turns it on. A log that is on already is turned off first, since a saver that was killed leaves one behind. So
    /// two savers at a time would spoil each other's.
    ///
    /// @param nr_pfns  how many pfns a read covers
    /// @param log      is told if it cannot be turned off at the end; outlives this, as domain does
    /// @throws Error{hypervisor}
    DirtyLog(const Domain& domain, std::uint64_t nr_pfns, Logger& log);
    ~DirtyLog();
    DirtyLog(const DirtyLog&) = delete;
    DirtyLog& operator=(const DirtyLog&) = delete;

    /// Reads from now on cover that many pfns. What was dirty past the old end may be lost: whoever grows it takes
    /// those pfns for dirty.
    void resize(std::uint64_t nr_pfns);

    /// Reads what changed since the last clean, and clears it. The guest stands still meanwhile. After a failure
    /// part of it may be lost: nothing but a new full pass makes up for that.
    /// @return how many pages changed, those past the last pfn among them
    /// @throws Error{hypervisor}
    std::uint64_t clean() { return read(Read::clean); }
    /// The same for a guest that has suspended: what the hypervisor itself may yet write counts as dirty.
    std::uint64_t clean_final() { return read(Read::clean_final); }
    /// Reads, and clears nothing.
    std::uint64_t peek() { return read(Read::peek); }

    /// What the last read found: a bit for each pfn, lowest first. Views this.
    [[nodiscard]] std::span<const std::uint64_t> words() const noexcept;

private:
    enum class Read { clean, clean_final, peek };
    std::uint64_t read(Read kind);
    void turn_on();

    const Domain& domain_;
    Logger& log_;
    std::uint64_t nr_pfns_;
    std::optional<HypercallBuffer> bitmap_;
};

}  // namespace sr
