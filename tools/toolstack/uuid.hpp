// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's UUID: 16 octets in the order they are printed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sr {

struct Uuid {
    std::array<std::uint8_t, 16> octets{};
    friend bool operator==(const Uuid&, const Uuid&) noexcept = default;
};

/// "97e826b4-e4b3-11f1-bb19-9baf8489dd9c"
[[nodiscard]] std::string to_string(const Uuid& uuid);

/// The reverse; nothing if `text` is anything else than 32 hexadecimal digits in five dashed
/// groups.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text);

/// A random one (version 4). @throws Error{io} if the kernel gives no random octets
[[nodiscard]] Uuid random_uuid();

}  // namespace sr
