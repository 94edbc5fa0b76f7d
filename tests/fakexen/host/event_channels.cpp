// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocation of event channel ports.
#include "tests/fakexen/host/event_channels.hpp"

#include <cerrno>

namespace fakexen {

int EventChannels::allocate()
{
    for (std::uint32_t number = 1; number < ports_.size(); ++number) {
        if (ports_[number].state == EventPort::State::free) {
            return static_cast<int>(number);
        }
    }
    if (ports_.size() >= limit_) {
        return -ENOSPC;
    }
    ports_.emplace_back();
    return static_cast<int>(ports_.size() - 1);
}

}  // namespace fakexen
