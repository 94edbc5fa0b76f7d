// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of another domain in the kernel's page tables, as a driver domain has them.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// At boot: lets the domain Settings::grant_to, if any, map a page.
void grant_page(Kernel& kernel);

/// At boot: maps the page that the domain Settings::map_grant_of, if any, has granted.
void map_granted_page(Kernel& kernel);

/// Before a suspend, as a driver should: what was mapped is unmapped.
void unmap_granted_page(Kernel& kernel);

}  // namespace fakexen::guest
