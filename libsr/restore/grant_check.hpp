// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a guest can go on at this destination with the grant table that it has.
#pragma once

#include "libsr/base/log.hpp"
#include "libsr/mem/grant_entry.hpp"
#include "libsr/xen/domain.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sr {

/// Judges the records of a guest's grant table (docs/stream-extensions.md). Nothing of them is applied: the guest makes its
/// grants anew, and one that we made for it would let a domain in that has nothing to do with it any more.
class GrantCheck {
public:
    /// Borrows domain and log. Makes no call.
    /// @param max_version  what the caller says that the domain may use, which no call tells
    GrantCheck(const Domain& domain, std::optional<GrantVersion> max_version, Logger& log) noexcept
        : domain_{domain}, max_version_{max_version}, log_{log}
    {
    }

    /// GRANT_TABLE_INFO, before any memory.
    /// @throws Error{malformed}; Error{mismatch} saying what the guest needs, and how the domain gets it; Error{hypervisor}
    void take_info(std::span<const std::byte> body) const;

    /// GRANT_TABLE_ENTRIES: of a guest that was saved live the table may have changed since.
    /// @throws as take_info()
    void take_entries(std::span<const std::byte> body, Pfn max_pfn) const;

private:
    void require(GrantVersion version, std::uint32_t nr_frames) const;

    const Domain& domain_;
    std::optional<GrantVersion> max_version_;
    Logger& log_;
};

}  // namespace sr
