// SPDX-License-Identifier: LGPL-2.1-or-later
// Making a restored domain whose kernel nobody plays fit to be saved again.
#pragma once

#include "tests/fakexen/host/hypervisor.hpp"

#include <string>
#include <vector>

namespace fakexen {

struct AdoptResult {
    std::vector<std::string> changes;  ///< one line for each change that was made, naming the pfn
    std::string error;                 ///< why nothing more was done; empty when all is well
};

/// Does to a restored PV domain what its Linux would do between resuming and suspending again.
[[nodiscard]] AdoptResult adopt_domain(Hypervisor& xen, Domain& domain);

}  // namespace fakexen
