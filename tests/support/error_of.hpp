// SPDX-License-Identifier: LGPL-2.1-or-later
// What a call throws, as a value that a test can compare.
#pragma once

#include "libsr/base/error.hpp"

#include <optional>
#include <string>
#include <utility>

namespace sr::test {

/// The class of the Error that fn throws; none if it throws none.
template <typename Fn>
[[nodiscard]] std::optional<Errc> error_of(Fn&& fn)
{
    try {
        std::forward<Fn>(fn)();
    } catch (const Error& e) {
        return e.code();
    }
    return std::nullopt;
}

/// Its message; empty if it throws none.
template <typename Fn>
[[nodiscard]] std::string message_of(Fn&& fn)
{
    try {
        std::forward<Fn>(fn)();
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

}  // namespace sr::test
