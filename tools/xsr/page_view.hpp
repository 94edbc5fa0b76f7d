// SPDX-License-Identifier: LGPL-2.1-or-later
// A page as text: page tables as tables, everything else as octets.
#pragma once

#include "libsr/mem/page_type.hpp"
#include "libsr/mem/pte.hpp"
#include "tools/xsr/console.hpp"

#include <span>
#include <string>

namespace sr {

/// "P RW US A D NX": what the flags of an entry say. Bits: Intel SDM vol. 3A, "Format of a
/// Page-Table Entry that Maps a 4-KByte Page".
[[nodiscard]] std::string pte_flag_letters(Pte<Pfn> entry, unsigned level);

/// The entries that are not zero, one a line; runs that only count up are shortened.
[[nodiscard]] std::string table_text(TableOctets table, unsigned level);
[[nodiscard]] Json table_json(TableOctets table, unsigned level);

/// Offset, 16 octets, characters; repeated lines as "*", as hexdump -C has it.
[[nodiscard]] std::string hex_dump(std::span<const std::byte> octets);

/// "00ff10…": for JSON.
[[nodiscard]] std::string hex_string(std::span<const std::byte> octets);

}  // namespace sr
