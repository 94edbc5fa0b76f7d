// SPDX-License-Identifier: LGPL-2.1-or-later
// Xen's public headers as fakexen uses them; they rely on <stdint.h> having come first.
#pragma once

// clang-format off
#include <stdint.h>

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>
// clang-format on
