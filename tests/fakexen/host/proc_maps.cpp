// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading /proc/PID/maps (proc(5)).
#include "tests/fakexen/host/proc_maps.hpp"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/stat.h>

namespace fakexen {

MappedRanges mapped_ranges(pid_t process, int fd)
{
    MappedRanges ranges;
    struct stat file = {};
    if (::fstat(fd, &file) != 0) {
        return ranges;
    }
    std::ifstream maps{"/proc/" + std::to_string(process) + "/maps"};
    for (std::string line; std::getline(maps, line);) {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::uint64_t inode = 0;
        // begin-end perms offset major:minor inode path
        if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %*x %*x:%*x %" SCNu64, &begin,
                        &end, &inode) == 3 &&
            inode == file.st_ino && line.find("fakexen-memory") != std::string::npos) {
            ranges.add(begin, end);
        }
    }
    return ranges;
}

}  // namespace fakexen
