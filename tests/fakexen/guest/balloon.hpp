// SPDX-License-Identifier: LGPL-2.1-or-later
// Giving memory back to Xen and asking for it again.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

namespace fakexen::guest {

/// Gives the frame of a data page back. @return false if none could be found
bool balloon_out(Kernel& kernel);

/// At boot: gives back as many pages as Settings::nr_given_back says, one after the other from the middle of memory on.
void give_back_range(Kernel& kernel);

/// Gives the frame of this data page back.
void balloon_out(Kernel& kernel, Pfn pfn);

/// Asks for a frame for a ballooned pfn. @return false if none could be found, or Xen has none
bool balloon_in(Kernel& kernel);

/// One quantum's share: now and then a page goes or comes.
void work_on_balloon(Kernel& kernel);

}  // namespace fakexen::guest
