// SPDX-License-Identifier: LGPL-2.1-or-later
// Who watches what.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

using ClientId = std::uint64_t;

struct Watch {
    ClientId client = 0;
    std::string path;  ///< absolute, or a special
    std::string token;
    std::string
        prefix;  ///< cut off the paths of its events; empty if it was set with an absolute path
};

/// One event to be sent: what a client finds in xs_read_watch().
struct WatchEvent {
    ClientId client = 0;
    std::string path;
    std::string token;
};

class Watches {
public:
    /// @throws StoreError{EEXIST} if the client has this path and token already
    void add(Watch watch);
    /// @throws StoreError{ENOENT} if the client has no such watch
    void remove(ClientId client, std::string_view path, std::string_view token);
    void remove_all_of(ClientId client);

    /// The events that a change of path makes, in the order the watches were set. A change reaches
    /// watches of the path and of all above it; an exact one only those of the path.
    [[nodiscard]] std::vector<WatchEvent> events_of(std::string_view path, bool exact) const;

    /// The path as this watch's events name it.
    [[nodiscard]] static std::string shown(const Watch& watch, std::string_view path);

private:
    std::vector<Watch> watches_;
};

}  // namespace fakexen::store
