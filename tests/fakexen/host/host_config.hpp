// SPDX-License-Identifier: LGPL-2.1-or-later
// How a host is started: the options of `fakexen start` and `fakexen run`.
#pragma once

#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/host/quirks.hpp"

#include <string>

namespace fakexen {

struct HostConfig {
    std::string directory;  ///< HOST: absolute path
    HypervisorConfig hypervisor;
    std::string trace_file;
    std::string guest_program;
    bool step_mode = false;
    Quirks quirks{};
};

}  // namespace fakexen
