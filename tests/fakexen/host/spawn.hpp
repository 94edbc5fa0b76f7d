// SPDX-License-Identifier: LGPL-2.1-or-later
// Starting the program that plays a domain's CPUs.
#pragma once

#include <string>
#include <sys/types.h>

namespace fakexen {

/// Starts `program --attach DOMID` with FAKEXEN_HOST=directory. @return its process id or -errno
[[nodiscard]] pid_t spawn_guest(const std::string& program, const std::string& directory,
                                unsigned domid);

}  // namespace fakexen
