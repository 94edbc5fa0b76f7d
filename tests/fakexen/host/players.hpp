// SPDX-License-Identifier: LGPL-2.1-or-later
// Who plays the CPUs of which domain, and when they may run.
#pragma once

#include "tests/fakexen/host/connection.hpp"
#include "tests/fakexen/host/hypervisor.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace fakexen {

using Clock = std::chrono::steady_clock;

/// A guest program at work: it runs quantum by quantum, each on the host's word.
struct Player {
    Connection* connection = nullptr;
    bool running = false;  ///< in a quantum
    bool waiting = false;  ///< has asked for the next one
    std::optional<Clock::time_point> idle_until;
    std::uint64_t steps = 0;                       ///< quanta granted by `fakexen step`
    std::vector<std::function<void()>> held_back;  ///< calls that wait for the end of the quantum
};

/// All players of a host.
///
/// While calls are held back for a domain no new quantum begins, so each of them is served with its guest at rest.
class Players {
public:
    Players(Hypervisor& xen, bool step_mode) : xen_{xen}, step_mode_{step_mode} {}

    /// @return false if somebody plays the domain already
    [[nodiscard]] bool attach(DomainId domain, Connection& connection);
    /// The connection closed. @return the domain it played, if any
    std::optional<DomainId> detach(const Connection& connection);

    [[nodiscard]] bool is_played(DomainId domain) const { return players_.contains(domain); }
    [[nodiscard]] bool is_running(DomainId domain) const;
    /// Serves `call` at once, or when the running quantum has ended.
    void when_at_rest(DomainId domain, std::function<void()> call);

    /// RunQuantum: the last quantum is over, the next one is asked for.
    void ask(DomainId domain, std::uint32_t idle_ms);
    /// Begins the quantum that was asked for, if it may begin now.
    void grant(DomainId domain);
    void grant_steps(DomainId domain, std::uint64_t steps);
    /// An event is pending: an idle guest need not wait longer.
    void wake(DomainId domain);
    /// The domain is no more: its program is told to end.
    void end(DomainId domain);

    /// Grants what has waited long enough. @return when to come back, if ever
    std::optional<Clock::time_point> grant_idle(Clock::time_point now);

private:
    void rest(Player& player);

    Hypervisor& xen_;
    bool step_mode_;
    std::map<DomainId, Player> players_;
};

}  // namespace fakexen
