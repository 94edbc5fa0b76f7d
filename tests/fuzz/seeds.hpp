// SPDX-License-Identifier: LGPL-2.1-or-later
// Where inputs to start from come from: golden files, findings of old, and streams of real guests where there are some.
#pragma once

#include "libsr/mem/guest_abi.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/golden.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace sr::fuzz {

/// What was once found wrong with a target: tests/fuzz/findings/<target>/*.hex, written as golden files are.
[[nodiscard]] std::vector<Seed> findings_of(const std::string& target);

/// Golden files as they are.
[[nodiscard]] std::vector<Seed> golden_seeds(std::initializer_list<const char*> names);

/// Each stream of $SR_STREAMS (*.xz), cut down to a few pages and records of each kind. None where xz or they are missing.
[[nodiscard]] std::vector<Seed> real_streams();

/// Choices before a body.
[[nodiscard]] Octets prefixed(std::initializer_list<unsigned> choices, const Octets& body);

}  // namespace sr::fuzz
