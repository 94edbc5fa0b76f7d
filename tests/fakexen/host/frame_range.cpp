// SPDX-License-Identifier: LGPL-2.1-or-later
// Claiming frame numbers by locks on the octets of a file (fcntl(2), open file description locks).
#include "tests/fakexen/host/frame_range.hpp"

#include "libsr/base/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <unistd.h>

namespace fakexen {
namespace {

constexpr std::uint64_t unit = std::uint64_t{1} << 16;
constexpr std::uint64_t nr_places_first = 8;   ///< places tried first, by the directory's name
constexpr std::uint64_t nr_places_max = 1000;  ///< then upwards

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
    const std::uint64_t preferred = std::hash<std::string>{}(directory) % nr_places_first;
    for (std::uint64_t i = 0; i < nr_places_max; ++i) {
        const std::uint64_t place = i < nr_places_first ? (preferred + i) % nr_places_first : i;
        const std::uint64_t start = (1 + place) * nr_units;
        if (try_lock(lock.get(), start, nr_units)) {
            return {start * unit, std::move(lock)};
        }
    }
    throw sr::Error{sr::Errc::limit, "no range of frame numbers is free: too many hosts"};
}

}  // namespace fakexen
