// SPDX-License-Identifier: LGPL-2.1-or-later
// Quanta: asked for, held back, granted.
#include "tests/fakexen/host/players.hpp"

#include <utility>

namespace fakexen {

bool Players::attach(DomainId domain, Connection& connection)
{
    const auto [at, fresh] = players_.try_emplace(domain);
    if (fresh) {
        at->second.connection = &connection;
    }
    return fresh;
}

std::optional<DomainId> Players::detach(const Connection& connection)
{
    for (auto& [domain, player] : players_) {
        if (player.connection == &connection) {
            const DomainId played = domain;
            rest(player);
            players_.erase(played);
            return played;
        }
    }
    return std::nullopt;
}

bool Players::is_running(DomainId domain) const
{
    const auto at = players_.find(domain);
    return at != players_.end() && at->second.running;
}

void Players::when_at_rest(DomainId domain, std::function<void()> call)
{
    const auto at = players_.find(domain);
    if (at == players_.end() || !at->second.running) {
        call();
        return;
    }
    at->second.held_back.push_back(std::move(call));
}

void Players::rest(Player& player)
{
    player.running = false;
    for (const auto& call : std::exchange(player.held_back, {})) {
        call();
    }
}

void Players::ask(DomainId domain, std::uint32_t idle_ms)
{
    const auto at = players_.find(domain);
    if (at == players_.end()) {
        return;
    }
    Player& player = at->second;
    rest(player);
    player.waiting = true;
    player.idle_until.reset();
    if (idle_ms > 0 && !step_mode_) {
        player.idle_until = Clock::now() + std::chrono::milliseconds{idle_ms};
    }
    grant(domain);
}

void Players::grant(DomainId id)
{
    const auto at = players_.find(id);
    Domain* domain = xen_.domain(id);
    if (at == players_.end() || domain == nullptr || !at->second.waiting || !domain->may_run()) {
        return;
    }
    Player& player = at->second;
    if (player.idle_until && Clock::now() < *player.idle_until) {
        return;
    }
    if (step_mode_ && player.steps == 0) {
        return;
    }
    player.steps -= step_mode_ ? 1 : 0;
    player.waiting = false;
    player.running = true;
    player.idle_until.reset();
    player.connection->send_message(protocol::RunQuantumReply{
        .header = {.kind = protocol::Kind::run_quantum},
        .verdict = protocol::Verdict::go,
        .vcpus_written = std::exchange(domain->vcpus_written, false) ? 1U : 0U,
        .log_dirty = domain->dirty.enabled() ? 1U : 0U,
        .reserved = 0});
}

void Players::grant_steps(DomainId domain, std::uint64_t steps)
{
    const auto at = players_.find(domain);
    if (at != players_.end()) {
        at->second.steps += steps;
        grant(domain);
    }
}

void Players::wake(DomainId domain)
{
    const auto at = players_.find(domain);
    if (at != players_.end()) {
        at->second.idle_until.reset();
        grant(domain);
    }
}

void Players::end(DomainId domain)
{
    const auto at = players_.find(domain);
    if (at == players_.end()) {
        return;
    }
    if (at->second.waiting) {
        at->second.connection->send_message(
            protocol::RunQuantumReply{.header = {.kind = protocol::Kind::run_quantum},
                                      .verdict = protocol::Verdict::gone,
                                      .vcpus_written = 0,
                                      .log_dirty = 0,
                                      .reserved = 0});
    }
    at->second.waiting = false;
}

std::optional<Clock::time_point> Players::grant_idle(Clock::time_point now)
{
    std::optional<Clock::time_point> next;
    for (auto& [domain, player] : players_) {
        if (player.idle_until && *player.idle_until <= now) {
            player.idle_until.reset();
            grant(domain);
        } else if (player.idle_until && (!next || *player.idle_until < *next)) {
            next = player.idle_until;
        }
    }
    return next;
}

}  // namespace fakexen
