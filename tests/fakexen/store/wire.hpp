// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of the xenstore protocol as the host and the fake library exchange them: a head of
// xen/io/xs_wire.h and its payload.
#pragma once

#include "tests/fakexen/store/xenstore.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

/// One message, either way.
struct Message {
    std::uint32_t type = XS_INVALID;
    std::uint32_t request = 0;  ///< echoed in the reply
    std::uint32_t transaction = 0;
    std::string payload;
};

[[nodiscard]] std::vector<std::byte> encode(const Message& message);

/// Octets a message needs in all, once its head is there; 0 before.
[[nodiscard]] std::size_t size_of_message(std::span<const std::byte> octets) noexcept;

/// The message at the front of octets, which hold all of it.
[[nodiscard]] Message decode(std::span<const std::byte> octets);

/// The strings of a payload, each ended by a NUL; a last one may lack it.
[[nodiscard]] std::vector<std::string> split_strings(std::string_view payload);
/// The reverse: a NUL after each.
[[nodiscard]] std::string join_strings(const std::vector<std::string>& strings);

/// "ENOENT" and the like, as an error reply names it; "EINVAL" for what has no name there.
[[nodiscard]] const char* error_name(int errnum) noexcept;
/// The reverse; EIO for an unknown word.
[[nodiscard]] int error_number(std::string_view name) noexcept;

}  // namespace fakexen::store
