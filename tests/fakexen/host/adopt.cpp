// SPDX-License-Identifier: LGPL-2.1-or-later
// Adopting: to be written.
#include "tests/fakexen/host/adopt.hpp"
namespace fakexen {
AdoptResult adopt_domain(Hypervisor&, Domain&)
{
    return {{}, "not implemented"};
}
}  // namespace fakexen
