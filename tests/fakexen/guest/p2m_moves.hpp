// SPDX-License-Identifier: LGPL-2.1-or-later
// A running kernel replaces pages of its p2m.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Moves some page of the p2m to another pfn, each time the settings ask for it: the shared page of holes becomes a page of its
/// own, a page of its own another one. A list guest says so by p2m_generation, before and after, as Linux does; with the tree
/// Xen's interface has no word for it.
void work_on_p2m(Kernel& kernel);

}  // namespace fakexen::guest
