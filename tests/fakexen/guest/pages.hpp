// SPDX-License-Identifier: LGPL-2.1-or-later
// Plain memory: pages whose contents follow from their pfn and version.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Writes a data page anew, as its next version.
void rewrite_page(Kernel& kernel, Pfn pfn);

/// True if a data page holds what its record says; one never written always does.
[[nodiscard]] bool page_is_intact(const Kernel& kernel, Pfn pfn, const PageRecord& record);

/// A number that stands for the contents of a page.
[[nodiscard]] std::uint32_t hash_of(std::span<const std::byte, page_size> page);

/// One quantum's share: writes pages that were never written, rewrites some, looks at others.
void work_on_pages(Kernel& kernel);

}  // namespace fakexen::guest
