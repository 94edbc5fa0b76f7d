// SPDX-License-Identifier: LGPL-2.1-or-later
// Kinds of guests that tests of whole saves and restores go through, and the two hosts between which they go.
#pragma once

#include "tests/system/engines.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sr::test {

using Options = std::vector<std::string>;

// No machine frame has the same number on both.
inline const Options host_a = {"--memory", "256M", "--seed", "1"};
inline const Options host_b = {"--memory", "256M", "--seed", "2"};

/// Quanta after which a guest of some 32 MiB has written all its pages and changed tables, balloon and contents often.
inline constexpr std::uint64_t busy_count = 60;

/// What sets some guests apart from others: options of `fakexen-guest create`.
struct Kind {
    const char* name;
    Options options;
};

inline const Kind widths[] = {
    {"List", {"--p2m", "list"}},
    {"Tree", {"--p2m", "tree"}},
    {"PaeList", {"--bits", "32", "--p2m", "list"}},
    {"PaeTree", {"--bits", "32", "--p2m", "tree"}},
};

/// A guest of that width which lives that life, a quantum each millisecond.
inline GuestShape shape_of(const Kind& width, const Kind& life, unsigned seed)
{
    GuestShape shape{.memory_mib = 24, .options = width.options};
    shape.options.insert(shape.options.end(), life.options.begin(), life.options.end());
    shape.options.insert(shape.options.end(), {"--period", "1", "--seed", std::to_string(seed)});
    return shape;
}

}  // namespace sr::test
