// SPDX-License-Identifier: LGPL-2.1-or-later
// UUIDs as text and from the kernel's random octets.
#include "tools/toolstack/uuid.hpp"

#include "libsr/base/error.hpp"

#include <cctype>
#include <cerrno>
#include <sys/random.h>

namespace sr {
namespace {

bool has_dash_before(std::size_t octet) noexcept
{
    return octet == 4 || octet == 6 || octet == 8 || octet == 10;
}

std::optional<unsigned> hex_digit(char digit) noexcept
{
    const int low = std::tolower(static_cast<unsigned char>(digit));
    if (low >= '0' && low <= '9') {
        return static_cast<unsigned>(low - '0');
    }
    if (low >= 'a' && low <= 'f') {
        return static_cast<unsigned>(low - 'a') + 10U;
    }
    return std::nullopt;
}

}  // namespace

std::string to_string(const Uuid& uuid)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < uuid.octets.size(); ++i) {
        if (has_dash_before(i)) {
            text += '-';
        }
        text += digits[uuid.octets[i] >> 4U];
        text += digits[uuid.octets[i] & 0xfU];
    }
    return text;
}

std::optional<Uuid> parse_uuid(std::string_view text)
{
    constexpr std::size_t text_length = 36;
    if (text.size() != text_length) {
        return std::nullopt;
    }
    Uuid uuid;
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.octets.size(); ++i) {
        if (has_dash_before(i) && text[at++] != '-') {
            return std::nullopt;
        }
        const auto high = hex_digit(text[at++]);
        const auto low = hex_digit(text[at++]);
        if (!high || !low) {
            return std::nullopt;
        }
        uuid.octets[i] = static_cast<std::uint8_t>(*high << 4U | *low);
    }
    return uuid;
}

Uuid random_uuid()
{
    Uuid uuid;
    if (::getrandom(uuid.octets.data(), uuid.octets.size(), 0) !=
        static_cast<ssize_t>(uuid.octets.size())) {
        throw Error::from_errno(Errc::io, errno, "no random octets for a UUID")
            .with_call("getrandom");
    }
    uuid.octets[6] = static_cast<std::uint8_t>((uuid.octets[6] & 0x0fU) | 0x40U);
    uuid.octets[8] = static_cast<std::uint8_t>((uuid.octets[8] & 0x3fU) | 0x80U);
    return uuid;
}

}  // namespace sr
