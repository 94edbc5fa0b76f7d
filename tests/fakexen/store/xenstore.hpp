// SPDX-License-Identifier: LGPL-2.1-or-later
// Xen's xenstore.h, xenstore_lib.h and xs_wire.h for C++: they do not say themselves that they are
// C.
#pragma once

#include <cerrno>
#include <cstdbool>
#include <cstddef>
#include <cstdint>

extern "C" {
#include <xenstore.h>
}
