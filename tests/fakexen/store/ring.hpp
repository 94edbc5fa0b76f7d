// SPDX-License-Identifier: LGPL-2.1-or-later
// The store's end of a domain's ring page (xen/io/xs_wire.h, struct xenstore_domain_interface).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace fakexen::store {

/// What one domain has sent and not yet got. The page itself is looked up anew for each use,
/// because the domain may take it away at any time.
class Ring {
public:
    using Page = std::span<std::byte>;

    /// A domain was introduced: both directions start empty.
    void reset(Page page);

    /// Takes what the domain has written. @return false if its indices make no sense; the ring is
    /// then dead
    [[nodiscard]] bool receive(Page page);

    /// The next whole message, if one is there. Nothing more comes from a domain that claims an
    /// over-long one.
    [[nodiscard]] std::optional<std::vector<std::byte>> next_message();

    void queue(std::span<const std::byte> octets)
    {
        out_.insert(out_.end(), octets.begin(), octets.end());
    }

    /// Writes what is queued, as far as there is room. @return true if the domain is to be told
    [[nodiscard]] bool transmit(Page page);

private:
    std::vector<std::byte> in_;
    std::deque<std::byte> out_;
    bool dead_ = false;
};

}  // namespace fakexen::store
