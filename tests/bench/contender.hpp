// SPDX-License-Identifier: LGPL-2.1-or-later
// The two engines that are compared, behind one face.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace sr::bench {

/// Where a restore goes: what a toolstack prepared.
struct Destination {
    std::uint32_t domid;
    std::uint32_t store_evtchn;
    std::uint32_t console_evtchn;
};

/// An engine with its handles open. Calls return once the engine does; failures are exceptions.
class Contender {
public:
    Contender() = default;
    Contender(const Contender&) = delete;
    Contender& operator=(const Contender&) = delete;
    virtual ~Contender() = default;

    /// Saves a suspended domain.
    virtual void save(std::uint32_t domid, int fd) = 0;
    virtual void restore(const Destination& to, int fd) = 0;
};

[[nodiscard]] std::unique_ptr<Contender> open_libsr();
[[nodiscard]] std::unique_ptr<Contender> open_stock();

}  // namespace sr::bench
