// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading /proc/PID/maps (proc(5)).
#include "tests/fakexen/host/proc_maps.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <sys/stat.h>

namespace fakexen {

namespace {

/// A line "begin-end perms offset major:minor inode path" of proc(5), without the path.
struct MapsLine {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t inode = 0;
};

/// Goes behind the nth space of a line that holds as many.
const char* skip_words(const char* at, const char* end, int nth)
{
    for (; nth > 0; --nth) {
        at = std::find(at, end, ' ');
        at += at < end ? 1 : 0;
    }
    return at;
}

MapsLine parse_line(const std::string& line)
{
    constexpr int hexadecimal = 16;
    MapsLine parsed;
    const char* const end = line.data() + line.size();
    const auto begin_read = std::from_chars(line.data(), end, parsed.begin, hexadecimal);
    if (begin_read.ptr < end) {
        (void)std::from_chars(begin_read.ptr + 1, end, parsed.end, hexadecimal);
    }
    (void)std::from_chars(skip_words(line.data(), end, 4), end, parsed.inode);
    return parsed;
}

}  // namespace

MappedRanges mapped_ranges(pid_t process, int fd)
{
    MappedRanges ranges;
    struct stat file = {};
    if (::fstat(fd, &file) != 0) {
        return ranges;
    }
    std::ifstream maps{"/proc/" + (process == 0 ? "self" : std::to_string(process)) + "/maps"};
    for (std::string line; std::getline(maps, line);) {
        if (line.find("fakexen-memory") == std::string::npos) {
            continue;
        }
        if (const MapsLine parsed = parse_line(line); parsed.inode == file.st_ino) {
            ranges.add(parsed.begin, parsed.end);
        }
    }
    return ranges;
}

}  // namespace fakexen
