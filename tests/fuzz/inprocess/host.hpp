// SPDX-License-Identifier: LGPL-2.1-or-later
// A small fakexen host inside this process, under the real libxenctrl.
#pragma once

#include "libsr/base/log.hpp"
#include "tests/fakexen/host/caller.hpp"
#include "tests/fakexen/host/hypervisor.hpp"
#include "tests/fakexen/protocol/messages.hpp"

#include <cstdint>
#include <span>

namespace sr::fuzz {

/// The host that the fake libraries of this process talk to.
class InProcessHost final : private fakexen::CallObserver {
public:
    /// Machine frames, 8 MiB of them: a domain's limit is below.
    static constexpr std::uint64_t nr_frames = 2048;
    /// Calls that one input may make: past it the engine is taken to run away.
    static constexpr std::uint64_t calls_max = 200'000;

    /// A host without domains, as new: the same calls give the same frames.
    [[nodiscard]] static InProcessHost& fresh();

    /// The host that fresh() gave last, or null.
    [[nodiscard]] static InProcessHost* current() noexcept;

    /// Serves a message of the fake libraries. @return the answer's result
    [[nodiscard]] std::int64_t serve(std::span<const std::byte> message) noexcept;

    /// A new, paused domain with its vCPUs and no memory, as a toolstack makes it to restore into.
    [[nodiscard]] fakexen::Domain& make_domain(std::uint32_t nr_vcpus, std::uint64_t max_pages);

    /// Destroys a domain as a toolstack does. @throws Violation if anything of it stays behind
    void destroy(fakexen::Domain& domain);

    [[nodiscard]] std::uint64_t nr_calls() const noexcept { return nr_calls_; }
    /// A descriptor of machine memory, the same one for each host: what the libraries map.
    [[nodiscard]] static int memory_fd() noexcept;

private:
    InProcessHost();
    [[nodiscard]] bool is_as_new() const;
    void entered(const char* family, const char* call) override;
    void left(std::int64_t) noexcept override {}

    NullLogger log_;
    std::uint64_t nr_calls_ = 0;

public:
    fakexen::Hypervisor xen;

private:
    std::uint64_t nr_free_at_start_;
};

}  // namespace sr::fuzz
