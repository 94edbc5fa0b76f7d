// SPDX-License-Identifier: LGPL-2.1-or-later
// What every fuzz target is: octets in, and a judgement that does not depend on who runs it.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace sr::fuzz {

using Input = std::span<const std::byte>;

/// What should hold for every input did not.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// @throws Violation unless it holds
inline void require(bool holds, const char* what)
{
    if (!holds) {
        throw Violation{what};
    }
}

/// An input to start from, and what it is.
struct Seed {
    std::string name;  ///< a file name
    Octets octets;
};

/// One thing that is fuzzed. Run by libFuzzer (libfuzzer_main.cpp) and, over its seeds, by `make check` (replay_test.cpp).
struct Target {
    const char* name;
    /// @throws anything at all for an input that shows a defect
    void (*run)(Input input);
    std::vector<Seed> (*seeds)();
    bool takes_streams = false;  ///< its inputs are whole streams
};

extern const Target decode_target;     ///< the decoders of headers, memory and static data
extern const Target blobs_target;      ///< the decoders of blobs
extern const Target framing_target;    ///< records out of octets, beside a model of it
extern const Target container_target;  ///< xl and libxl around a libxc stream
extern const Target
    stream_target;  ///< whole streams: reader, order and verify, one against the other

// Over a host in this process:
extern const Target restore_target;      ///< sr_restore of a small domain
extern const Target checkpoints_target;  ///< the same of a checkpointed stream
extern const Target save_target;         ///< sr_save of a small domain whose guest does what it can

/// Takes what a decoder may say of hostile octets for an answer. @return whether fn came to its end
/// @throws Violation if fn refused in another way
template <typename Fn>
bool survives(Fn&& fn)
{
    try {
        fn();
        return true;
    } catch (const Error& e) {
        const bool is_stream = e.code() == Errc::malformed || e.code() == Errc::limit ||
                               e.code() == Errc::unsupported || e.code() == Errc::io;
        require(is_stream, "refused as something else than a stream that is wrong");
        require(*e.what() != '\0', "refused without a sentence");
        return false;
    }
}

}  // namespace sr::fuzz
