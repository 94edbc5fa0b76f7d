// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may read and write a node, and how that is written ("n0", "r3").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

/// What a domain may do to a node.
struct Access {
    bool read = false;
    bool write = false;
};

/// One entry of a node's list: a domain and what it may do.
struct Permission {
    std::uint32_t domid = 0;
    Access access;

    [[nodiscard]] std::string to_string() const;
    /// "b7": both, for domain 7. Nothing if the text is not such an entry.
    [[nodiscard]] static std::optional<Permission> parse(std::string_view text);
};

/// A node's list: the first entry names the owner, and with its letter what all unnamed domains may
/// do.
class Permissions {
public:
    explicit Permissions(std::vector<Permission> entries) : entries_{std::move(entries)} {}
    static Permissions owned_by(std::uint32_t domid) { return Permissions{{{domid, {}}}}; }

    [[nodiscard]] const std::vector<Permission>& entries() const noexcept { return entries_; }
    [[nodiscard]] std::uint32_t owner() const noexcept { return entries_.front().domid; }
    void set_owner(std::uint32_t domid) noexcept { entries_.front().domid = domid; }

    /// Domain 0 may do all, the owner too; then a domain's own entry counts, else the first one's
    /// letter.
    [[nodiscard]] Access of(std::uint32_t domid) const noexcept;

private:
    std::vector<Permission> entries_;  ///< never empty
};

}  // namespace fakexen::store
