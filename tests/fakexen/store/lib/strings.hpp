// SPDX-License-Identifier: LGPL-2.1-or-later
// What libxenstore hands out: memory that its caller frees with free().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

/// A copy with a NUL after it, or null with errno ENOMEM.
[[nodiscard]] char* allocated(std::string_view text) noexcept;

/// An array of pointers and, behind it in the same block, what they point to.
[[nodiscard]] char** allocated(const std::vector<std::string>& strings) noexcept;

}  // namespace fakexen::store
