// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypercalls of a small toolstack, over libxenctrl.
#pragma once

#include "tools/toolstack/domain_config.hpp"

#include <cstdint>
#include <optional>
#include <vector>

struct xc_interface_core;
struct xentoollog_logger;

namespace sr {

using DomId = std::uint32_t;

enum class ShutdownReason : std::uint8_t { poweroff, reboot, suspend, crash, other };

/// What the hypervisor says of a domain at one moment.
struct DomainState {
    DomId id = 0;
    Uuid uuid;
    bool is_hvm = false;     ///< HVM or PVH
    bool is_paused = false;  ///< by a toolstack; a domain that is shut down is not "paused"
    bool is_dying = false;
    std::optional<ShutdownReason> shutdown;  ///< none while it is up
    std::uint64_t nr_pages = 0;
    std::uint64_t max_memory_kib = 0;
    unsigned max_vcpus = 0;

    [[nodiscard]] bool is_suspended() const noexcept { return shutdown == ShutdownReason::suspend; }
};

struct CreatedDomain {
    DomId id = 0;
    unsigned max_grant_version = 0;  ///< the highest that its guest may switch to
};

/// All calls throw Error{hypervisor} with errno and the name of the call.
class Control {
public:
    Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control();

    /// Exactly this domain, or nothing.
    [[nodiscard]] std::optional<DomainState> state_of(DomId domid) const;
    [[nodiscard]] std::vector<DomainState> list() const;

    /// A new, paused domain with vCPUs and a memory limit, without memory. A failure leaves none.
    /// @throws Error{mismatch} too, if its configuration has it use grant tables that this host does not offer
    [[nodiscard]] CreatedDomain create(const DomainConfig& config) const;
    void limit_memory(DomId domid, std::uint64_t memory_kib) const;
    /// A port in `domid` that dom0 may bind to.
    [[nodiscard]] std::uint32_t new_port(DomId domid) const;

    void pause(DomId domid) const;
    void unpause(DomId domid) const;
    void destroy(DomId domid) const;
    /// A suspended domain goes on, told by its suspend hypercall returning 1 that it is still here.
    void resume(DomId domid) const;

private:
    [[nodiscard]] CreatedDomain create_empty(const DomainConfig& config) const;
    [[noreturn]] void fail_to_create(const DomainConfig& config, int errnum) const;
    void mark_suspend_cancelled(DomId domid) const;

    xentoollog_logger* quiet_;  ///< libxenctrl's own messages: ours say the same in one sentence
    xc_interface_core* handle_;
};

}  // namespace sr
