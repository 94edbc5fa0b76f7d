// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain's event channels: the table of ports. Pending bits live in shared_info and are the caller's to set.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fakexen {

/// One port. Xen's evtchn states, as far as a PV guest between save and restore meets them.
struct EventPort {
    enum class State : std::uint8_t { free, unbound, interdomain, virq, ipi };
    State state = State::free;
    std::uint16_t remote_domain = 0;
    std::uint32_t remote_port = 0;
    std::uint32_t virq = 0;
    std::uint32_t vcpu = 0;
};

/// Port 0 is never used. 2-level ABI: at most 4096 ports, 1024 of a 32-bit guest.
class EventChannels {
public:
    static constexpr std::uint32_t nr_ports_max = 4096;
    static constexpr std::uint32_t nr_ports_max_32bit = 1024;

    EventChannels() : ports_(1) { ports_[0].state = EventPort::State::ipi; }

    /// A free port, or -ENOSPC.
    [[nodiscard]] int allocate();

    /// The port, or null if there is no such port. Stays valid until the next allocate().
    [[nodiscard]] EventPort* port(std::uint64_t number)
    {
        return number > 0 && number < ports_.size() ? &ports_[number] : nullptr;
    }
    /// How many there may be, port 0 included: the least of what was ever set.
    void set_limit(std::uint32_t nr_ports) noexcept { limit_ = std::min(limit_, nr_ports); }
    /// Whether a number is a port's, in use or free: Xen makes room for so many at a time.
    [[nodiscard]] bool is_known(std::uint64_t number) const noexcept
    {
        return number / ports_at_a_time <= (ports_.size() - 1) / ports_at_a_time;
    }
    [[nodiscard]] std::uint32_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t nr_ports() const noexcept { return ports_.size(); }

private:
    static constexpr std::uint64_t ports_at_a_time = 64;

    std::uint32_t limit_ = nr_ports_max;
    std::vector<EventPort> ports_;
};

}  // namespace fakexen
