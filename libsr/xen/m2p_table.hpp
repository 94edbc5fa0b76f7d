// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypervisor's machine-to-physical table, mapped read-only.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/xen/foreign_mapping.hpp"

#include <cstddef>
#include <span>

namespace sr {

/// The table of the whole host: 8 octets for each machine frame, mapped for as long as this lives.
///
/// XENMEM_maximum_ram_page counts frames (though its name says "highest"), so the table is mapped
/// in whole 2 MiB extents up to that count, and only entries that are mapped are ever read.
class M2pTable {
public:
    explicit M2pTable(const Host& host);  ///< @throws Error{hypervisor}

    /// 8 octets per machine frame, as far as the mapping goes: for an M2p. The hypervisor changes
    /// entries as we look.
    [[nodiscard]] std::span<const std::byte> octets() const noexcept { return mapping_.octets(); }

private:
    ForeignMapping mapping_;
};

/// The first frame of the table that Xen shows to 32-bit PV guests: a PAE L2 that maps it is the one
/// in which Xen has slots of its own. @throws Error{hypervisor}; EOPNOTSUPP is a host without such
/// guests
[[nodiscard]] Mfn compat_m2p_frame(const Host& host);

}  // namespace sr
