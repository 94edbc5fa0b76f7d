// SPDX-License-Identifier: LGPL-2.1-or-later
// Judges the records of a guest's grant table: docs/stream-extensions.md.
#pragma once

#include "libsr/verify/judgement.hpp"

#include <span>

namespace sr {

/// GRANT_TABLE_INFO and GRANT_TABLE_ENTRIES. @throws Error as their decoders
void check_grant_info(std::span<const std::byte> body, Judgement& judgement);
void check_grant_entries(std::span<const std::byte> body, Judgement& judgement);

/// What only the end of the stream can tell: that both were there, and that the guest has the pages that it grants.
void check_granted_pages(Judgement& judgement);

}  // namespace sr
