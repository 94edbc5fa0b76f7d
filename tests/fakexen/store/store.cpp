// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests on the tree; the errnos are those of Xen's C xenstored.
#include "tests/fakexen/store/store.hpp"

#include "tests/fakexen/store/path.hpp"

#include <cerrno>

namespace fakexen::store {

Store::Transaction* Store::transaction_of(Caller caller)
{
    if (caller.transaction == 0) {
        return nullptr;
    }
    const auto found = transactions_.find(caller.transaction);
    if (found == transactions_.end() || found->second.domid != caller.domid) {
        throw StoreError{ENOENT};
    }
    return &found->second;
}

const Tree& Store::view_of(Transaction* transaction) const
{
    return transaction == nullptr ? tree_ : transaction->view;
}

/// A transaction remembers the state in which it first met a node, there or not.
void Store::note_seen(Transaction* transaction, std::string_view path)
{
    if (transaction != nullptr && !transaction->modified.contains(path)) {
        transaction->seen.emplace(path, transaction->view.generation_of(path));
    }
}

/// The node at path, for a caller that needs a right to it. Where it is missing, ENOENT is only for
/// those who might have looked: others get EACCES.
const Node& Store::node_for(Caller caller, std::string_view path, bool Access::*right)
{
    if (!is_valid_path(path)) {
        throw StoreError{EINVAL};
    }
    Transaction* transaction = transaction_of(caller);
    note_seen(transaction, path);
    const Tree& view = view_of(transaction);
    const Node* node = view.find(path);
    if (node != nullptr) {
        if (!(node->permissions.of(caller.domid).*right)) {
            throw StoreError{EACCES};
        }
        return *node;
    }
    std::string_view above = path;
    while (view.find(above) == nullptr) {
        above = parent_of(above);
    }
    throw StoreError{view.find(above)->permissions.of(caller.domid).*right ? ENOENT : EACCES};
}

std::string Store::read(Caller caller, std::string_view path)
{
    return node_for(caller, path, &Access::read).value;
}

std::vector<std::string> Store::directory(Caller caller, std::string_view path)
{
    (void)node_for(caller, path, &Access::read);
    return view_of(transaction_of(caller)).children_of(path);
}

Permissions Store::permissions(Caller caller, std::string_view path)
{
    return node_for(caller, path, &Access::read).permissions;
}

void Store::put(Caller caller, std::string_view path, Node node)
{
    Transaction* transaction = transaction_of(caller);
    if (transaction == nullptr) {
        tree_.put(path, std::move(node), ++generation_);
        return;
    }
    note_seen(transaction, path);
    note_seen(transaction, parent_of(path));
    transaction->modified.emplace(path);
    transaction->view.put(path, std::move(node), transaction->view.generation_of(path).value_or(0));
}

void Store::put_and_report(Caller caller, std::string_view path, Node node)
{
    Change change{std::string{path}, node.permissions, false};
    put(caller, path, std::move(node));
    report(transaction_of(caller), std::move(change));
}

/// A new node inherits its parent's permissions; one that a guest creates is the guest's. Parents
/// that are created on the way are not reported: watches of them hear of the node itself.
void Store::create(Caller caller, std::string_view path, std::string value)
{
    const std::string_view above = parent_of(path);
    if (view_of(transaction_of(caller)).find(above) == nullptr) {
        create(caller, above, "");
    }
    Node node{std::move(value), view_of(transaction_of(caller)).find(above)->permissions};
    if (caller.domid != 0) {
        node.permissions.set_owner(caller.domid);
    }
    put(caller, path, std::move(node));
}

void Store::write(Caller caller, std::string_view path, std::string value)
{
    try {
        Node node = node_for(caller, path, &Access::write);
        node.value = std::move(value);
        put_and_report(caller, path, std::move(node));
    } catch (const StoreError& refused) {
        if (refused.errnum() != ENOENT || view_of(transaction_of(caller)).find(path) != nullptr) {
            throw;
        }
        create(caller, path, std::move(value));
        report_created(caller, path);
    }
}

void Store::mkdir(Caller caller, std::string_view path)
{
    try {
        (void)node_for(caller, path, &Access::write);
    } catch (const StoreError& refused) {
        if (refused.errnum() != ENOENT) {
            throw;
        }
        create(caller, path, "");
        report_created(caller, path);
    }
}

void Store::report_created(Caller caller, std::string_view path)
{
    Transaction* transaction = transaction_of(caller);
    report(transaction, {std::string{path}, view_of(transaction).find(path)->permissions, false});
}

void Store::remove(Caller caller, std::string_view path)
{
    if (path == "/") {
        throw StoreError{EINVAL};
    }
    (void)node_for(caller, path, &Access::write);
    Transaction* transaction = transaction_of(caller);
    for (const std::string& gone : view_of(transaction).subtree_of(path)) {
        note_seen(transaction, gone);
        report(transaction, {gone, view_of(transaction).find(gone)->permissions, gone != path});
        if (transaction != nullptr) {
            transaction->modified.insert(gone);
        }
    }
    note_seen(transaction, parent_of(path));
    (transaction == nullptr ? tree_ : transaction->view).erase(path, ++generation_);
}

void Store::set_permissions(Caller caller, std::string_view path, Permissions permissions)
{
    Node node = node_for(caller, path, &Access::write);
    const bool may = caller.domid == 0 || (node.permissions.owner() == caller.domid &&
                                           permissions.owner() == caller.domid);
    if (!may) {
        throw StoreError{node.permissions.owner() == caller.domid ? EPERM : EACCES};
    }
    node.permissions = std::move(permissions);
    put_and_report(caller, path, std::move(node));
}

TransactionId Store::begin(std::uint32_t domid)
{
    do {
        ++last_transaction_;
    } while (last_transaction_ == 0 || transactions_.contains(last_transaction_));
    transactions_[last_transaction_] = {domid, tree_, {}, {}, {}};
    return last_transaction_;
}

void Store::end(Caller caller, bool commit)
{
    Transaction* found = transaction_of(caller);
    if (found == nullptr) {
        throw StoreError{ENOENT};
    }
    const Transaction done = std::move(*found);
    transactions_.erase(caller.transaction);
    if (!commit) {
        return;
    }
    for (const auto& [path, generation] : done.seen) {
        if (tree_.generation_of(path) != generation) {
            throw StoreError{EAGAIN};
        }
    }
    apply(done);
}

void Store::apply(const Transaction& transaction)
{
    const std::uint64_t generation = ++generation_;
    for (const std::string& path : transaction.modified) {
        if (const Node* node = transaction.view.find(path)) {
            tree_.put(path, *node, generation);
        } else {
            tree_.erase(path, generation);
        }
    }
    for (const Change& change : transaction.changes) {
        on_change_(change);
    }
}

void Store::report(Transaction* transaction, Change change)
{
    if (transaction == nullptr) {
        on_change_(change);
    } else {
        transaction->changes.push_back(std::move(change));
    }
}

void Store::remove_owned_by(std::uint32_t domid)
{
    std::vector<std::string> owned;
    for (const auto& [path, node] : tree_.nodes()) {
        if (path != "/" && node.permissions.owner() == domid) {
            owned.push_back(path);
        }
    }
    for (const std::string& path : owned) {
        if (tree_.find(path) != nullptr) {
            remove({}, path);
        }
    }
}

bool Store::may_see(std::uint32_t domid, const Change& change) const
{
    if (change.permissions.of(domid).read) {
        return true;
    }
    const Node* above = change.path == "/" ? nullptr : tree_.find(parent_of(change.path));
    return above != nullptr && above->permissions.of(domid).read;
}

}  // namespace fakexen::store
