// SPDX-License-Identifier: LGPL-2.1-or-later
// libFuzzer's hooks for targets whose inputs are streams: changes by structure mostly, by octets now and then.
#include "tests/fuzz/mutate.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* octets, std::size_t size, std::size_t room);

namespace {

using sr::fuzz::StreamMutator;
using sr::fuzz::StreamParts;

constexpr unsigned by_octets_every = 10;

std::size_t change_octets(std::byte* octets, std::size_t size, std::size_t room)
{
    return LLVMFuzzerMutate(std::bit_cast<std::uint8_t*>(octets), size, room);
}

std::span<const std::byte> view(const std::uint8_t* octets, std::size_t size)
{
    return std::as_bytes(std::span{octets, size});
}

/// Puts the stream where libFuzzer wants it. @return its size, or 0 if there is no room
std::size_t put(const StreamParts& parts, std::uint8_t* to, std::size_t room)
{
    const sr::Octets octets = sr::fuzz::join(parts);
    if (octets.size() > room) {
        return 0;
    }
    std::memcpy(to, octets.data(), octets.size());
    return octets.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* octets, std::size_t size,
                                               std::size_t room, unsigned seed)
{
    if (seed % by_octets_every == 0) {
        return LLVMFuzzerMutate(octets, size, room);
    }
    StreamParts parts = sr::fuzz::split(view(octets, size));
    StreamMutator mutator{seed, change_octets};
    mutator.mutate(parts);
    const std::size_t made = put(parts, octets, room);
    return made != 0 ? made : LLVMFuzzerMutate(octets, size, room);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* to, std::size_t room, unsigned seed)
{
    StreamParts parts = sr::fuzz::split(view(one, one_size));
    StreamMutator mutator{seed, change_octets};
    mutator.cross(parts, sr::fuzz::split(view(other, other_size)));
    return put(parts, to, room);
}
