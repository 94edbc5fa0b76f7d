// SPDX-License-Identifier: LGPL-2.1-or-later
// libsr's engines by sr.h, over the host in this process: one restore, one save, each with what must hold after it.
#pragma once

#include "sr.h"
#include "tests/fuzz/inprocess/host.hpp"
#include "tests/fuzz/target.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sr::fuzz {

struct Outcome {
    bool done = false;
    sr_error error{};     ///< of a call that failed
    std::string message;  ///< the same as a sentence; empty of one that did not fail
    // Of a checkpointed stream:
    std::vector<std::uint64_t>
        checkpoints;  ///< octets of the stream up to each whose callback was called
    std::size_t failed_over_to =
        0;  ///< number of the one that the domain was completed from; 0: none
};

/// Restores a stream into a domain that make_domain() made.
/// @throws Violation unless the domain is complete, or incomplete with a sentence that blames the stream; and if a mapping
///         was left behind, the domain was let run, or its frames were not counted
[[nodiscard]] Outcome restore(InProcessHost& host, fakexen::Domain& domain, Input stream,
                              sr_stream_type type = SR_STREAM_PLAIN);

/// Saves a domain. @param stream  becomes what was written @param flags  SR_SAVE_* @throws Violation as restore()
[[nodiscard]] Outcome save(InProcessHost& host, fakexen::Domain& domain, Octets& stream,
                           std::uint32_t flags = 0);

/// What verify has against a stream, or nothing. @param all  also what does not make sense together
[[nodiscard]] std::string verify_error(Input stream, bool all);

}  // namespace sr::fuzz
