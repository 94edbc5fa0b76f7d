// SPDX-License-Identifier: LGPL-2.1-or-later
// The nodes of a xenstore in one ordered map.
#include "tests/fakexen/store/tree.hpp"

#include "tests/fakexen/store/path.hpp"

namespace fakexen::store {

Tree::Tree()
{
    nodes_.emplace("/", Node{});
}

const Node* Tree::find(std::string_view path) const
{
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Tree::generation_of(std::string_view path) const
{
    const Node* node = find(path);
    return node == nullptr ? std::nullopt : std::optional{node->generation};
}

std::vector<std::string> Tree::children_of(std::string_view path) const
{
    const std::string prefix = path == "/" ? "/" : std::string{path} + "/";
    std::vector<std::string> names;
    for (auto at = nodes_.upper_bound(prefix); at != nodes_.end(); ++at) {
        if (!at->first.starts_with(prefix)) {
            break;
        }
        const auto name = std::string_view{at->first}.substr(prefix.size());
        if (name.find('/') == std::string_view::npos) {
            names.emplace_back(name);
        }
    }
    return names;
}

std::vector<std::string> Tree::subtree_of(std::string_view path) const
{
    const std::string prefix = path == "/" ? "/" : std::string{path} + "/";
    std::vector<std::string> paths{std::string{path}};
    for (auto at = nodes_.upper_bound(prefix); at != nodes_.end(); ++at) {
        if (!at->first.starts_with(prefix)) {
            break;
        }
        paths.push_back(at->first);
    }
    return paths;
}

void Tree::put(std::string_view path, Node node, std::uint64_t generation)
{
    node.generation = generation;
    const auto [at, created] = nodes_.insert_or_assign(std::string{path}, std::move(node));
    if (created) {
        touch_parent(path, generation);
    }
}

void Tree::erase(std::string_view path, std::uint64_t generation)
{
    if (find(path) == nullptr) {
        return;
    }
    for (const std::string& gone : subtree_of(path)) {
        nodes_.erase(gone);
    }
    touch_parent(path, generation);
}

void Tree::touch_parent(std::string_view path, std::uint64_t generation)
{
    if (const auto parent = nodes_.find(parent_of(path)); parent != nodes_.end()) {
        parent->second.generation = generation;
    }
}

}  // namespace fakexen::store
