// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of the mem layer share: errors as values, pages of entries, small M2P and p2m tables.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/error.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m.hpp"
#include "libsr/mem/pte.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sr {

/// The class of the Error that fn throws, or none.
template <typename Fn>
std::optional<Errc> error_of(Fn&& fn)
{
    try {
        fn();
    } catch (const Error& e) {
        return e.code();
    }
    return std::nullopt;
}

/// The message of the Error that fn throws, or "".
template <typename Fn>
std::string message_of(Fn&& fn)
{
    try {
        fn();
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

using Page = std::array<std::byte, page_size>;

/// A table with these entries, zero elsewhere.
inline Page table_of(std::initializer_list<std::pair<unsigned, std::uint64_t>> entries)
{
    Page page{};
    for (const auto& [slot, raw] : entries) {
        store(std::span{page}, std::size_t{slot} * 8, raw);
    }
    return page;
}

inline std::uint64_t entry_of(const Page& page, unsigned slot)
{
    return load<std::uint64_t>(page, std::size_t{slot} * 8);
}

/// Numbers of `width_octets` each as octets, on the heap so that AddressSanitizer sees an
/// over-read.
inline Octets octets_of_numbers(const std::vector<std::uint64_t>& numbers, std::size_t width_octets)
{
    Octets octets(numbers.size() * width_octets);
    for (std::size_t at = 0; at < numbers.size(); ++at) {
        const std::uint64_t most = ~std::uint64_t{0} >> (64 - 8 * width_octets);
        store_field(octets, {at * width_octets, width_octets}, numbers[at] & most);
    }
    return octets;
}

}  // namespace sr
