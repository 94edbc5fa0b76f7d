// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain as the hypervisor sees it: state, memory, pins.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/base/guest_width.hpp"
#include "libsr/xen/host.hpp"

#include <cstdint>
#include <span>

namespace sr {

/// What XEN_DOMCTL_getdomaininfo says, as far as it matters here.
struct DomainInfo {
    bool hvm;
    bool dying;
    bool paused;   ///< by a toolstack; a guest that has suspended is not "paused"
    bool crashed;  ///< shut down with reason crash
    bool shut_down;
    std::uint32_t shutdown_reason;  ///< SHUTDOWN_*, if shut_down
    std::uint64_t nr_pages;
    std::uint64_t max_pages;  ///< that it may own
    Mfn shared_info;
    std::uint32_t nr_vcpus;  ///< one more than the highest vCPU id; 0 for a domain without any

    /// Shut down for suspend: memory and vCPUs stand still until somebody resumes it.
    [[nodiscard]] bool suspended() const noexcept;
};

/// Guest time: XEN_DOMCTL_gettscinfo.
struct TscState {
    std::uint32_t mode;
    std::uint32_t khz;
    std::uint64_t elapsed_ns;
    std::uint32_t incarnation;
};

/// A page table to pin: its level (1 to 4) and where it lies.
struct Pin {
    unsigned level;
    Mfn mfn;
    Pfn pfn;  ///< for messages
};

/// Operations on one domain. All @throw Error{hypervisor} that names call, domain and errno.
class Domain {
public:
    /// Borrows host.
    Domain(const Host& host, std::uint32_t domid) noexcept : host_{host}, domid_{domid} {}

    [[nodiscard]] const Host& host() const noexcept { return host_; }
    [[nodiscard]] std::uint32_t domid() const noexcept { return domid_; }

    /// Exactly this domain, never the next one that exists. @throws Error{usage} if there is none
    [[nodiscard]] DomainInfo info() const;

    /// PV only. @throws Error{unsupported} for a width that is neither
    [[nodiscard]] GuestWidth guest_width() const;
    /// Makes an empty PV domain one of this width. No change if it is one already.
    void set_guest_width(GuestWidth width) const;

    [[nodiscard]] TscState tsc() const;
    void set_tsc(const TscState& state) const;

    /// Gives the domain one new frame for each pfn, which are replaced by the mfns (PV).
    /// The hypervisor sets their m2p entries. @throws Error{limit} if it has no room for all.
    void populate(std::span<std::uint64_t> pfns_to_mfns) const;

    /// Takes frames away from it (mfns of a PV domain).
    void give_back(std::span<std::uint64_t> mfns) const;

    /// Pins page tables, in this order: the hypervisor validates each one and all beneath it.
    /// @throws Error{hypervisor} naming the first table that is refused
    void pin(std::span<const Pin> pins) const;

private:
    const Host& host_;
    std::uint32_t domid_;
};

}  // namespace sr
