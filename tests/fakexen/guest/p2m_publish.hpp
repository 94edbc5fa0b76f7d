// SPDX-License-Identifier: LGPL-2.1-or-later
// Telling the toolstack where the p2m is: in shared_info, which has to be mapped for that.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Maps shared_info, whose machine address start_info names, at its fixmap address.
void map_shared_info(const Kernel& kernel);
void unmap_shared_info(const Kernel& kernel);

/// Writes max_pfn and the place of the linear list, or of the 3-level tree, whose upper pages are
/// written too.
void publish_p2m(const Kernel& kernel);
/// A page of the p2m is in another frame now.
void publish_p2m_page(const Kernel& kernel, std::uint64_t n);
/// The page tables of the p2m list are about to change, or have changed.
void bump_p2m_generation(Kernel& kernel);

}  // namespace fakexen::guest
