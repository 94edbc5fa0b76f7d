// SPDX-License-Identifier: LGPL-2.1-or-later
// shared_info of a restored guest: what comes from the stream and what stays the destination's.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"

#include <cstddef>
#include <span>

namespace sr {

/// Merges a SHARED_INFO record into the domain's own page: vcpu_info and the guest's part of arch
/// come from the stream; event channels are new, so nothing is pending and everything masked; the
/// p2m tree's root is gone, since its mfns are; the wallclock stays the destination's.
///
/// p2m_cr3, p2m_vaddr and p2m_generation come from the stream as they are, as from the stock
/// engine: the guest sets them again.
///
/// @param ours    the destination's page, mapped or a copy; changed in place
/// @param theirs  the record's body
void restore_shared_info(std::span<std::byte, page_size> ours,
                         std::span<const std::byte, page_size> theirs, const GuestAbi& abi);

}  // namespace sr
