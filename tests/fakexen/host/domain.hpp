// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain and its vCPUs as the hypervisor keeps them.
#pragma once

#include "tests/fakexen/host/cpu_policy.hpp"
#include "tests/fakexen/host/dirty_log.hpp"
#include "tests/fakexen/host/event_channels.hpp"
#include "tests/fakexen/host/grant_table.hpp"
#include "tests/fakexen/host/machine.hpp"
#include "tests/fakexen/host/vcpu_state.hpp"
#include "tests/fakexen/protocol/xen.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fakexen {

using DomainId = std::uint16_t;

/// Bits of the debug registers that are always set.
inline constexpr std::uint64_t dr6_reserved = 0xffff'0ff0;
inline constexpr std::uint64_t dr7_reserved = 0x400;

/// One virtual CPU. Its tables and GDT frames hold type references; the rest are plain values.
struct Vcpu {
    Vcpu(Domain& of, std::uint32_t number) : domain{of}, id{number}
    {
        context.debugreg[6] = dr6_reserved;
        context.debugreg[7] = dr7_reserved;
        extended.mcg_cap = 2;  // banks of machine checks
    }

    Domain& domain;
    std::uint32_t id;
    bool initialised =
        false;         ///< has got a context: from then on its tables change by hypercall only
    bool down = true;  ///< offline
    /// Registers and the like. cr3, cr1, GDT frames and flags in it are kept in the members below.
    vcpu_guest_context_t context = {};
    std::optional<Mfn> kernel_table;  ///< cr3
    std::optional<Mfn> user_table;    ///< cr1: the user half's L4 of a 64-bit guest, if it has one
    std::vector<Mfn> gdt_frames;
    std::uint32_t gdt_entries = 0;
    std::optional<Mfn> info_frame;  ///< VCPUOP_register_vcpu_info, holds a writable type reference
    std::uint32_t info_offset = 0;
    xen_domctl_ext_vcpucontext extended = {};
    XsaveState xsave;
    MsrState msrs;
};

/// What became of a domain. A dying domain is seen until the last of its frames is free.
enum class Life : std::uint8_t { alive, dying };

/// XEN_DOMCTL_settscinfo and its counterpart.
struct TscInfo {
    std::uint32_t mode = 0;
    std::uint32_t khz = 0;
    std::uint64_t elapsed_ns = 0;
    std::uint32_t incarnation = 1;  ///< one more than was set
};

inline constexpr std::uint32_t shutdown_code_none = ~0U;  ///< Xen's SHUTDOWN_CODE_INVALID

struct Domain {
    explicit Domain(DomainId number) : id{number} {}
    Domain(const Domain&) = delete;
    Domain& operator=(const Domain&) = delete;

    DomainId id;
    Life life = Life::alive;
    bool is_32bit = false;  ///< a PAE guest: XEN_DOMCTL_set_address_size
    xen_domctl_createdomain config = {};
    xen_domain_handle_t handle = {};
    std::uint64_t max_pages = 0;
    std::uint64_t nr_pages = 0;           ///< RAM frames it owns (tot_pages)
    std::uint64_t nr_xen_heap_pages = 0;  ///< Xen's pages shared with it
    std::optional<Mfn> shared_info;
    std::vector<std::unique_ptr<Vcpu>>
        vcpus;  ///< config.max_vcpus slots, null until XEN_DOMCTL_max_vcpus

    std::uint32_t pause_count = 1;  ///< by the toolstack; every domain is created paused
    bool shut_down = false;
    std::uint32_t shutdown_code = shutdown_code_none;
    bool ever_unpaused = false;  ///< creation is finished
    bool vcpus_written =
        false;  ///< the toolstack changed registers or resumed it, since its player last asked

    std::uint64_t vm_assist = 0;
    std::uint64_t nr_l4_tables = 0;  ///< validated ones
    std::int64_t time_offset_s = 0;
    std::uint32_t suspend_event_port = 0;
    TscInfo tsc;
    CpuPolicy policy;
    EventChannels events;
    GrantTable grants;
    DirtyLog dirty;
    std::uint32_t shadow_mib = 0;  ///< for Xen's shadow page tables; of no effect

    [[nodiscard]] bool is_paused() const noexcept { return pause_count > 0; }
    [[nodiscard]] bool may_run() const noexcept
    {
        return life == Life::alive && !is_paused() && !shut_down;
    }
    [[nodiscard]] Vcpu* vcpu(std::uint64_t number) const noexcept
    {
        return number < vcpus.size() ? vcpus[number].get() : nullptr;
    }
};

}  // namespace fakexen
