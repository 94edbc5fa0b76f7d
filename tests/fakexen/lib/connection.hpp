// SPDX-License-Identifier: LGPL-2.1-or-later
// The connections that a fake library of a process has to its hosts.
#pragma once

#include "tests/fakexen/protocol/client.hpp"

namespace fakexen {

/// The connection to the host that $FAKEXEN_HOST names now: made on first use and kept until the process ends, since
/// foreign mappings outlive the handles that made them. A forked child makes its own.
/// @return null with errno set: ENOENT where there is no host
[[nodiscard]] Client* host_connection() noexcept;

}  // namespace fakexen
