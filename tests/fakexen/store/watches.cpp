// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of watches, and which of them a change fires.
#include "tests/fakexen/store/watches.hpp"

#include "tests/fakexen/store/path.hpp"
#include "tests/fakexen/store/store.hpp"

#include <algorithm>
#include <cerrno>

namespace fakexen::store {

namespace {

auto same_as(ClientId client, std::string_view path, std::string_view token)
{
    return [=](const Watch& watch) {
        return watch.client == client && watch.path == path && watch.token == token;
    };
}

}  // namespace

void Watches::add(Watch watch)
{
    if (std::any_of(watches_.begin(), watches_.end(),
                    same_as(watch.client, watch.path, watch.token))) {
        throw StoreError{EEXIST};
    }
    watches_.push_back(std::move(watch));
}

void Watches::remove(ClientId client, std::string_view path, std::string_view token)
{
    const auto found = std::find_if(watches_.begin(), watches_.end(), same_as(client, path, token));
    if (found == watches_.end()) {
        throw StoreError{ENOENT};
    }
    watches_.erase(found);
}

void Watches::remove_all_of(ClientId client)
{
    std::erase_if(watches_, [&](const Watch& watch) { return watch.client == client; });
}

std::vector<WatchEvent> Watches::events_of(std::string_view path, bool exact) const
{
    std::vector<WatchEvent> events;
    for (const Watch& watch : watches_) {
        if (exact ? path == watch.path : is_at_or_below(path, watch.path)) {
            events.push_back({watch.client, shown(watch, path), watch.token});
        }
    }
    return events;
}

std::string Watches::shown(const Watch& watch, std::string_view path)
{
    if (watch.prefix.empty()) {
        return std::string{path};
    }
    return std::string{path.substr(std::min(path.size(), watch.prefix.size() + 1))};
}

}  // namespace fakexen::store
