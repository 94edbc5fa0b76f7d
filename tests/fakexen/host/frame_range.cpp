// SPDX-License-Identifier: LGPL-2.1-or-later
// Claiming frame numbers by locks on the octets of a file (fcntl(2), open file description locks).
#include "tests/fakexen/host/frame_range.hpp"

#include "libsr/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <unistd.h>
#include <vector>

namespace fakexen {
namespace {

constexpr std::uint64_t unit = std::uint64_t{1} << 16;
constexpr std::uint64_t low_units =
    16;  ///< below 4 GiB: a 32-bit guest's shared_info must lie there
constexpr std::uint64_t nr_places_max = 1000;

/// Where a range may start, the best first. The name of the host's directory says where among the low ones.
std::vector<std::uint64_t> starts(const std::string& directory, std::uint64_t nr_units)
{
    std::vector<std::uint64_t> found;
    const std::uint64_t step = nr_units <= low_units / 4 ? nr_units : 1;
    for (std::uint64_t start = nr_units; start < low_units; start += step) {
        found.push_back(start);
    }
    if (!found.empty()) {
        const auto first = std::hash<std::string>{}(directory) % found.size();
        std::rotate(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(first), found.end());
    }
    const std::uint64_t above = std::max(low_units, nr_units);
    for (std::uint64_t place = 0; place < nr_places_max; ++place) {
        found.push_back(above + place * nr_units);
    }
    return found;
}

bool try_lock(int fd, std::uint64_t start, std::uint64_t length)
{
    struct flock range = {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(start);
    range.l_len = static_cast<off_t>(length);
    return ::fcntl(fd, F_OFD_SETLK, &range) == 0;
}

}  // namespace

FrameRange claim_frame_range(const std::string& directory, std::uint64_t nr_frames)
{
    const std::string path = "/tmp/fakexen-frames." + std::to_string(::getuid());
    sr::Fd lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!lock) {
        throw sr::Error::from_errno(sr::Errc::io, errno, "%s", path.c_str());
    }
    const std::uint64_t nr_units = (nr_frames + unit - 1) / unit;
    for (const std::uint64_t start : starts(directory, nr_units)) {
        if (try_lock(lock.get(), start, nr_units)) {
            return {start * unit, std::move(lock)};
        }
    }
    throw sr::Error{sr::Errc::limit, "no range of frame numbers is free: too many hosts"};
}

}  // namespace fakexen
