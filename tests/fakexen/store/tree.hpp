// SPDX-License-Identifier: LGPL-2.1-or-later
// The nodes of a xenstore, each with a value, permissions and the generation it last changed in.
#pragma once

#include "tests/fakexen/store/permissions.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

struct Node {
    std::string value;
    Permissions permissions = Permissions::owned_by(0);
    std::uint64_t generation =
        0;  ///< of the last change to the value, permissions or set of children
};

/// A tree by path. Knows parents and children, nothing of rights. Copied whole by a transaction.
class Tree {
public:
    Tree();

    [[nodiscard]] const Node* find(std::string_view path) const;
    /// What tells one state of a node from another: nothing while it does not exist.
    [[nodiscard]] std::optional<std::uint64_t> generation_of(std::string_view path) const;
    /// Names, without their path, of the nodes directly below.
    [[nodiscard]] std::vector<std::string> children_of(std::string_view path) const;
    /// path and all below it, parents first.
    [[nodiscard]] std::vector<std::string> subtree_of(std::string_view path) const;

    /// Creates or replaces one node, whose parent exists; a new one changes its parent too.
    void put(std::string_view path, Node node, std::uint64_t generation);
    /// Removes one node and all below it; changes the parent. No node there: nothing happens.
    void erase(std::string_view path, std::uint64_t generation);

    [[nodiscard]] const std::map<std::string, Node, std::less<>>& nodes() const noexcept
    {
        return nodes_;
    }

private:
    void touch_parent(std::string_view path, std::uint64_t generation);

    std::map<std::string, Node, std::less<>> nodes_;
};

}  // namespace fakexen::store
