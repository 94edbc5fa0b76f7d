// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of a PV guest's vCPUs, as the blobs that the hypervisor gives and takes.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/xen/domain.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace sr {

/// Reads and writes one domain's vCPUs. Blobs are opaque here, in the guest's own layout: the width
/// decides the length of a context. All @throw Error{hypervisor} naming call, vCPU and domain.
class VcpuState {
public:
    /// Borrows domain. @param context_length octets of a vcpu_guest_context of the guest's width
    VcpuState(const Domain& domain, std::size_t context_length) noexcept
        : domain_{domain}, context_length_{context_length}
    {
    }

    /// False for a vCPU that is offline. One that the domain does not have is an error.
    [[nodiscard]] bool online(std::uint32_t vcpu) const;

    [[nodiscard]] Octets context(std::uint32_t vcpu) const;  ///< XEN_DOMCTL_getvcpucontext
    /// The same; none if the vCPU was never given one.
    [[nodiscard]] std::optional<Octets> context_if_any(std::uint32_t vcpu) const;
    [[nodiscard]] Octets extended(std::uint32_t vcpu) const;  ///< XEN_DOMCTL_get_ext_vcpucontext
    [[nodiscard]] Octets
    xsave(std::uint32_t vcpu) const;  ///< XEN_DOMCTL_getvcpuextstate; may be empty
    [[nodiscard]] Octets
    msrs(std::uint32_t vcpu) const;  ///< XEN_DOMCTL_get_vcpu_msrs; may be empty

    /// The base table in it must be mapped by nobody writably: setting the context validates it.
    void set_context(std::uint32_t vcpu, std::span<const std::byte> blob) const;
    void set_extended(std::uint32_t vcpu, std::span<const std::byte> blob) const;
    void set_xsave(std::uint32_t vcpu, std::span<const std::byte> blob) const;
    void set_msrs(std::uint32_t vcpu, std::span<const std::byte> blob) const;

private:
    const Domain& domain_;
    std::size_t context_length_;
};

}  // namespace sr
