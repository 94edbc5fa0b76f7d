// SPDX-License-Identifier: LGPL-2.1-or-later
// The store itself: reads and writes with permissions, in transactions or outside.
#pragma once

#include "tests/fakexen/store/tree.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fakexen::store {

/// A request that the store refuses, with the errno that the client sees.
class StoreError : public std::exception {
public:
    explicit StoreError(int errnum) noexcept : errnum_{errnum} {}
    [[nodiscard]] int errnum() const noexcept { return errnum_; }
    [[nodiscard]] const char* what() const noexcept override { return "xenstore request refused"; }

private:
    int errnum_;
};

/// Something that watches are told.
struct Change {
    std::string path;
    Permissions permissions;  ///< of the node when it changed, or last had
    bool exact = false;       ///< only watches of this very path fire: it went with a parent of it
};

using TransactionId = std::uint32_t;  ///< 0: outside any transaction

/// Who asks, and in which transaction.
struct Caller {
    std::uint32_t domid = 0;
    TransactionId transaction = 0;
};

/// Optimistic: a transaction works on a copy and fails with EAGAIN if what it looked at has
/// changed. Paths are absolute. All refusals are StoreErrors.
class Store {
public:
    using Observer = std::function<void(const Change&)>;
    explicit Store(Observer on_change) : on_change_{std::move(on_change)} {}

    [[nodiscard]] std::string read(Caller caller, std::string_view path);
    [[nodiscard]] std::vector<std::string> directory(Caller caller, std::string_view path);
    [[nodiscard]] Permissions permissions(Caller caller, std::string_view path);
    void write(Caller caller, std::string_view path, std::string value);  ///< creates parents
    void mkdir(Caller caller, std::string_view path);  ///< no change if it exists
    void remove(Caller caller, std::string_view path);
    void set_permissions(Caller caller, std::string_view path, Permissions permissions);

    [[nodiscard]] TransactionId begin(std::uint32_t domid);
    void end(Caller caller, bool commit);
    void forget(TransactionId id) { transactions_.erase(id); }  ///< its client has gone

    /// Removes what a domain that is no more still owns.
    void remove_owned_by(std::uint32_t domid);

    /// True if domid may see that path changed: it may read the node or its parent.
    [[nodiscard]] bool may_see(std::uint32_t domid, const Change& change) const;
    /// All nodes, for listings.
    [[nodiscard]] const Tree& tree() const noexcept { return tree_; }

private:
    struct Transaction {
        std::uint32_t domid = 0;
        Tree view;
        std::map<std::string, std::optional<std::uint64_t>, std::less<>> seen;
        std::set<std::string, std::less<>> modified;
        std::vector<Change> changes;
    };

    Transaction* transaction_of(Caller caller);
    const Tree& view_of(Transaction* transaction) const;
    void note_seen(Transaction* transaction, std::string_view path);
    const Node& node_for(Caller caller, std::string_view path, bool Access::*right);
    void put(Caller caller, std::string_view path, Node node);
    void put_and_report(Caller caller, std::string_view path, Node node);
    void report_created(Caller caller, std::string_view path);
    void create(Caller caller, std::string_view path, std::string value);
    void report(Transaction* transaction, Change change);
    void apply(const Transaction& transaction);

    Observer on_change_;
    Tree tree_;
    std::map<TransactionId, Transaction> transactions_;
    TransactionId last_transaction_ = 0;
    std::uint64_t generation_ = 0;
};

}  // namespace fakexen::store
