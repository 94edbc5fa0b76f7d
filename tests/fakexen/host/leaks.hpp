// SPDX-License-Identifier: LGPL-2.1-or-later
// What is left over when a host stops.
#pragma once

#include <string>
#include <vector>

namespace fakexen {

/// leaks: what a correct client would not have left. notes: domains still there, which may be meant.
struct LeakReport {
    std::vector<std::string> leaks;
    std::vector<std::string> notes;
};

}  // namespace fakexen
