// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel knows of each of its grants, and the entry that follows from it.
#pragma once

#include "tests/fakexen/guest/grant_table.hpp"

#include <optional>

namespace fakexen::guest {

[[nodiscard]] GrantRecord grant_record(const Kernel& kernel, grant_ref_t ref);
void set_grant_record(const Kernel& kernel, grant_ref_t ref, const GrantRecord& record);

/// A grant of some kind, or with GrantKind::none a reference that is free; nothing if luck is out.
[[nodiscard]] std::optional<grant_ref_t> pick_grant(Kernel& kernel);
[[nodiscard]] std::optional<grant_ref_t> pick_free_ref(Kernel& kernel);

/// The table's entry for a grant, in the version that the table is of.
[[nodiscard]] GrantEntry entry_of(const Kernel& kernel, grant_ref_t ref, const GrantRecord& record);

/// Whether a table of this version has such grants.
[[nodiscard]] constexpr bool has_kind(std::uint32_t version, GrantKind kind) noexcept
{
    return version == 2 || (kind != GrantKind::sub_page && kind != GrantKind::transitive);
}

/// Whether what the page holds stays the kernel's own to decide.
[[nodiscard]] constexpr bool is_read_only(GrantKind kind) noexcept
{
    return kind == GrantKind::read_only || kind == GrantKind::sub_page;
}

}  // namespace fakexen::guest
