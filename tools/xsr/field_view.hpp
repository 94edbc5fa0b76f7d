// SPDX-License-Identifier: LGPL-2.1-or-later
// Guest structures as lines of fields.
#pragma once

#include "tools/xsr/console.hpp"
#include "tools/xsr/guest_fields.hpp"

#include <span>
#include <string>

namespace sr {

/// "  rip  0xffffffff81000000", for each field that is not zero, in columns.
[[nodiscard]] std::string fields_text(std::span<const GuestField> fields,
                                      std::span<const std::byte> octets);
/// Every field; rows as arrays, without those that are zero throughout.
[[nodiscard]] Json fields_json(std::span<const GuestField> fields,
                               std::span<const std::byte> octets);

}  // namespace sr
