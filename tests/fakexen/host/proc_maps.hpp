// SPDX-License-Identifier: LGPL-2.1-or-later
// Where in its address space a process has the memory file mapped: /proc/PID/maps.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <sys/types.h>

namespace fakexen {

/// Address ranges, found by address.
class MappedRanges {
public:
    void add(std::uint64_t begin, std::uint64_t end) { ends_[begin] = end; }
    [[nodiscard]] bool contains(std::uint64_t address) const
    {
        const auto after = ends_.upper_bound(address);
        return after != ends_.begin() && address < std::prev(after)->second;
    }

private:
    std::map<std::uint64_t, std::uint64_t> ends_;
};

/// All mappings of the file `fd` in the process (0: this one); none if the process is gone.
[[nodiscard]] MappedRanges mapped_ranges(pid_t process, int fd);

}  // namespace fakexen
