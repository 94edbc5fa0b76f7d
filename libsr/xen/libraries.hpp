// SPDX-License-Identifier: LGPL-2.1-or-later
// The headers of Xen's libraries, which do not know that C++ exists.
#pragma once

// What they include, first: C++'s own versions must not see extern "C".
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include <xencall.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xentoollog.h>
}
