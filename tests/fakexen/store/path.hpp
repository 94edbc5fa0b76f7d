// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths of a xenstore: what is a valid one, its parent, what lies below it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fakexen::store {

/// Home of a domain: "/local/domain/N".
[[nodiscard]] std::string home_of(std::uint32_t domid);

/// True for an absolute path that xenstored would take: its characters, no "//", no "/" at the end,
/// not longer than XENSTORE_ABS_PATH_MAX.
[[nodiscard]] bool is_valid_path(std::string_view path) noexcept;

/// "@introduceDomain" and its like: watched, never stored.
[[nodiscard]] bool is_special(std::string_view path) noexcept;

/// The path one level up; "/" for a top node. path is absolute and not "/".
[[nodiscard]] std::string_view parent_of(std::string_view path) noexcept;

/// True if path is root or lies below it.
[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view root) noexcept;

/// A path as a client of domain domid wrote it, made absolute; specials stay as they are.
[[nodiscard]] std::string absolute_path(std::string_view path, std::uint32_t domid);

}  // namespace fakexen::store
