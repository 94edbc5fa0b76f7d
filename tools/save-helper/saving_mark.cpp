// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks Xen what kind of domain it is, and xenstore who saves it.
#include "tools/save-helper/saving_mark.hpp"

#include "libsr/base/error.hpp"
#include "tools/xsr/units.hpp"

namespace sr {

std::unique_ptr<SavingMark> mark_as_saved(DomId domid, Relay& relay)
{
    const auto state = Control{}.state_of(domid);
    if (!state || state->is_hvm) {
        return nullptr;
    }
    try {
        return std::make_unique<SavingMark>(domid);
    } catch (const Error& error) {
        if (error.code() == Errc::guest) {
            throw;
        }
        relay.log(SR_LOG_WARNING, format("xsr will not know that domain %u is being saved: %s",
                                         domid, error.what()));
        return nullptr;
    }
}

}  // namespace sr
