// SPDX-License-Identifier: LGPL-2.1-or-later
// Node permissions (docs/misc/xenstore.txt of Xen, SET_PERMS).
#include "tests/fakexen/store/permissions.hpp"

#include <algorithm>
#include <charconv>

namespace fakexen::store {

std::string Permission::to_string() const
{
    const char letter = access.read ? (access.write ? 'b' : 'r') : (access.write ? 'w' : 'n');
    return letter + std::to_string(domid);
}

std::optional<Permission> Permission::parse(std::string_view text)
{
    Permission parsed;
    if (text.size() < 2 || std::string_view{"nrwb"}.find(text.front()) == std::string_view::npos) {
        return {};
    }
    parsed.access = {.read = text[0] == 'r' || text[0] == 'b',
                     .write = text[0] == 'w' || text[0] == 'b'};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 1, end, parsed.domid);
    if (error != std::errc{} || stop != end) {
        return {};
    }
    return parsed;
}

Access Permissions::of(std::uint32_t domid) const noexcept
{
    if (domid == 0 || domid == owner()) {
        return {.read = true, .write = true};
    }
    const auto own = std::find_if(entries_.begin() + 1, entries_.end(),
                                  [&](const Permission& entry) { return entry.domid == domid; });
    return own == entries_.end() ? entries_.front().access : own->access;
}

}  // namespace fakexen::store
