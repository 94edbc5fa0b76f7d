// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection to xenstored, with transactions that are tried again and watches to poll for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct xs_handle;

namespace sr {

/// Who may do what with a node: its owner, who may do all, and one reader besides.
struct StoreAccess {
    std::uint32_t owner = 0;
    std::optional<std::uint32_t> reader;
};

/// Reads and writes as of one moment: all of a transaction's, or each on its own.
class StoreView {
public:
    StoreView(xs_handle* handle, std::uint32_t transaction) noexcept
        : handle_{handle}, transaction_{transaction}
    {
    }

    /// The value of a node, or nothing if it does not exist. @throws Error{hypervisor}
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const;
    /// The names in a directory; none if it does not exist.
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const;
    void write(const std::string& path, const std::string& value) const;
    /// Creates the node, or empties it, and sets who may use it.
    void make(const std::string& path, const StoreAccess& access) const;
    void set_access(const std::string& path, const StoreAccess& access) const;
    /// Removes a node and what is under it; one that does not exist is fine.
    void remove(const std::string& path) const;

private:
    xs_handle* handle_;
    std::uint32_t transaction_;
};

class Xenstore {
public:
    Xenstore();  ///< @throws Error{hypervisor} if xenstored cannot be reached
    Xenstore(const Xenstore&) = delete;
    Xenstore& operator=(const Xenstore&) = delete;
    ~Xenstore();

    /// Each call on its own.
    [[nodiscard]] StoreView now() const noexcept { return {handle_, 0}; }

    /// Runs work(StoreView) in a transaction, again when others were in the way.
    template <typename Work>
    void transaction(Work&& work)
    {
        for (;;) {
            const std::uint32_t id = begin();
            try {
                work(StoreView{handle_, id});
            } catch (...) {
                abort(id);
                throw;
            }
            if (commit(id)) {
                return;
            }
        }
    }

    /// Fires once when it is set, then on each change at or under `path`. Ends with the connection.
    void watch(const std::string& path);
    void unwatch(const std::string& path) noexcept;
    [[nodiscard]] int poll_fd() const noexcept;  ///< readable when a watch has fired
    void drain_watches() noexcept;               ///< takes what has fired so far

    void introduce(std::uint32_t domid, std::uint64_t store_frame, std::uint32_t store_port);
    void resume(std::uint32_t domid);  ///< a domain that shut down to suspend goes on after all

private:
    [[nodiscard]] std::uint32_t begin();
    void abort(std::uint32_t id) noexcept;
    [[nodiscard]] bool commit(std::uint32_t id);  ///< false: try again

    xs_handle* handle_;
};

}  // namespace sr
