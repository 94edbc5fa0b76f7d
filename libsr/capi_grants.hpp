// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's grant table for a C caller.
#pragma once

#include "libsr/xen/host.hpp"
#include "sr.h"

#include <cstdint>

namespace sr {

/// @return a table for free_grants() @throws Error, std::bad_alloc
[[nodiscard]] sr_grant_table* read_grants(const Host& host, std::uint32_t domid,
                                          std::uint32_t flags);
/// @param table  may be null
void free_grants(sr_grant_table* table) noexcept;

}  // namespace sr
