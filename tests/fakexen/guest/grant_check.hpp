// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing a grant table with what the kernel knows of it. The table is mapped.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>
#include <vector>

namespace fakexen::guest {

/// Xen says that the table is of the version that it was of.
void check_grant_version(const Kernel& kernel, std::vector<std::string>& wrong);

/// The page that tells the peer of all grants tells of none that there is not.
void check_directory(const Kernel& kernel, std::vector<std::string>& wrong);

/// The table is as the kernel left it: each entry as it was made, the rest empty.
void check_own_grants(const Kernel& kernel, std::vector<std::string>& wrong);

/// The table of a new domain holds what its toolstack has put there for console and xenstore, and nothing else.
void check_new_table(const Kernel& kernel, std::vector<std::string>& wrong);

}  // namespace fakexen::guest
