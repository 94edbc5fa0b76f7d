// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths of a xenstore (docs/misc/xenstore.txt of Xen, "Xenstore paths").
#include "tests/fakexen/store/path.hpp"

#include "tests/fakexen/store/xenstore.hpp"

#include <algorithm>
#include <cctype>

namespace fakexen::store {

namespace {

bool is_path_character(char c) noexcept
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '/' || c == '_' ||
           c == '@';
}

}  // namespace

std::string home_of(std::uint32_t domid)
{
    return "/local/domain/" + std::to_string(domid);
}

bool is_valid_path(std::string_view path) noexcept
{
    if (path.empty() || path.front() != '/' || path.size() > XENSTORE_ABS_PATH_MAX) {
        return false;
    }
    if (path.size() > 1 && path.back() == '/') {
        return false;
    }
    return path.find("//") == std::string_view::npos &&
           std::all_of(path.begin(), path.end(), is_path_character);
}

bool is_special(std::string_view path) noexcept
{
    return !path.empty() && path.front() == '@';
}

std::string_view parent_of(std::string_view path) noexcept
{
    const auto slash = path.rfind('/');
    return slash == 0 ? std::string_view{"/"} : path.substr(0, slash);
}

bool is_at_or_below(std::string_view path, std::string_view root) noexcept
{
    if (root == "/") {
        return true;
    }
    return path.substr(0, root.size()) == root &&
           (path.size() == root.size() || path[root.size()] == '/');
}

std::string absolute_path(std::string_view path, std::uint32_t domid)
{
    if (path.empty() || path.front() == '/' || is_special(path)) {
        return std::string{path};
    }
    return home_of(domid) + "/" + std::string{path};
}

}  // namespace fakexen::store
