// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel's xenstore: requests and watch events over the ring page that start_info names.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"
#include "tests/fakexen/store/wire.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fakexen::guest {

/// Nothing is kept between quanta but the state of the ring itself. A store that does not answer
/// (nobody introduced the domain) is no error: the kernel waits a few quanta and tries again.
class StoreRing {
public:
    explicit StoreRing(Kernel& kernel) : kernel_{kernel} {}

    /// The reply to a request; nothing if the store refused it or did not answer.
    std::optional<std::string> ask(std::uint32_t type, const std::string& payload);

    /// Why the last request was refused: "EEXIST"; empty if it was not, or not answered.
    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

    std::optional<std::string> read(const std::string& path);
    bool write(const std::string& path, const std::string& value);

    /// True if a watch fired since the last time, or came with a reply.
    [[nodiscard]] bool watch_fired();

private:
    [[nodiscard]] std::optional<store::Message> receive(int timeout_ms);
    [[nodiscard]] bool send(const store::Message& message);
    [[nodiscard]] std::vector<std::byte> take_octets(std::size_t n);
    [[nodiscard]] std::size_t octets_waiting() const;
    void give_up();

    Kernel& kernel_;
    std::string refusal_;
    bool watch_fired_ = false;
};

}  // namespace fakexen::guest
