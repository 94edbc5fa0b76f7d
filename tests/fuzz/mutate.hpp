// SPDX-License-Identifier: LGPL-2.1-or-later
// Changes a stream in ways that get past its framing: a record's body, its place, its pages, with lengths that stay right.
#pragma once

#include "tests/fuzz/stream_parts.hpp"

#include <random>

namespace sr::fuzz {

/// Changes octets at random, as libFuzzer does: `size` of them, in room for `room`. @return how many there are then
using ChangeOctets = std::size_t (*)(std::byte* octets, std::size_t size, std::size_t room);

/// One stream being changed.
class StreamMutator {
public:
    StreamMutator(unsigned seed, ChangeOctets change_octets)
        : random_{seed}, change_octets_{change_octets}
    {
    }

    /// Changes one thing, or two.
    void mutate(StreamParts& parts);
    /// Takes a record of another stream in, in place of one or beside it.
    void cross(StreamParts& parts, const StreamParts& other);

private:
    [[nodiscard]] std::size_t below(std::size_t end);
    [[nodiscard]] std::uint64_t odd_number();
    [[nodiscard]] std::uint32_t any_type();
    void change(Octets& octets, std::size_t first = 0);
    void change_number(Octets& octets);
    void change_record(Record& record);
    void change_pages(Record& record);
    void change_page(std::vector<Page>& pages);
    void change_order(std::vector<Record>& records);
    [[nodiscard]] Record new_record();

    std::mt19937 random_;
    ChangeOctets change_octets_;
};

}  // namespace sr::fuzz
