// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of the xenstore protocol to and from octets.
#include "tests/fakexen/store/wire.hpp"

#include "libsr/base/bytes.hpp"

#include <algorithm>
#include <iterator>

namespace fakexen::store {

std::vector<std::byte> encode(const Message& message)
{
    const xsd_sockmsg head{message.type, message.request, message.transaction,
                           static_cast<std::uint32_t>(message.payload.size())};
    std::vector<std::byte> octets(sizeof(head) + message.payload.size());
    sr::store(octets, 0, head);
    std::transform(message.payload.begin(), message.payload.end(), octets.begin() + sizeof(head),
                   [](char c) { return static_cast<std::byte>(c); });
    return octets;
}

std::size_t size_of_message(std::span<const std::byte> octets) noexcept
{
    if (octets.size() < sizeof(xsd_sockmsg)) {
        return 0;
    }
    return sizeof(xsd_sockmsg) + sr::load<xsd_sockmsg>(octets, 0).len;
}

Message decode(std::span<const std::byte> octets)
{
    const auto head = sr::load<xsd_sockmsg>(octets, 0);
    Message message{head.type, head.req_id, head.tx_id, std::string(head.len, '\0')};
    const auto payload = octets.subspan(sizeof(head), head.len);
    std::transform(payload.begin(), payload.end(), message.payload.begin(),
                   [](std::byte octet) { return static_cast<char>(octet); });
    return message;
}

std::vector<std::string> split_strings(std::string_view payload)
{
    std::vector<std::string> strings;
    while (!payload.empty()) {
        const auto end = std::min(payload.find('\0'), payload.size());
        strings.emplace_back(payload.substr(0, end));
        payload.remove_prefix(std::min(end + 1, payload.size()));
    }
    return strings;
}

std::string join_strings(const std::vector<std::string>& strings)
{
    std::string joined;
    for (const std::string& one : strings) {
        joined += one;
        joined += '\0';
    }
    return joined;
}

const char* error_name(int errnum) noexcept
{
    const auto* const found =
        std::find_if(std::begin(xsd_errors), std::end(xsd_errors),
                     [&](const auto& entry) { return entry.errnum == errnum; });
    return found == std::end(xsd_errors) ? "EINVAL" : found->errstring;
}

int error_number(std::string_view name) noexcept
{
    const auto* const found =
        std::find_if(std::begin(xsd_errors), std::end(xsd_errors),
                     [&](const auto& entry) { return name == entry.errstring; });
    return found == std::end(xsd_errors) ? EIO : found->errnum;
}

}  // namespace fakexen::store
