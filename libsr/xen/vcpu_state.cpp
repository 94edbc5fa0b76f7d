// SPDX-License-Identifier: LGPL-2.1-or-later
// vCPU blobs over XEN_DOMCTL_{get,set}vcpucontext, _ext_vcpucontext, vcpuextstate and _vcpu_msrs.
#include "libsr/xen/vcpu_state.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sr {
namespace {

xen_domctl domctl_for(const Domain& domain, std::uint32_t command) noexcept
{
    xen_domctl domctl{};
    domctl.cmd = command;
    domctl.domain = static_cast<domid_t>(domain.domid());
    return domctl;
}

void run(const Domain& domain, xen_domctl& domctl, const char* call, std::uint32_t vcpu)
{
    if (xc_domctl(domain.host().xch(), &domctl) != 0) {
        throw call_failed(call, errno, "vCPU %u of domain %u", vcpu, domain.domid());
    }
}

Octets copy_of(const HypercallBuffer& buffer, std::size_t length)
{
    const auto octets = buffer.octets().first(length);
    return {octets.begin(), octets.end()};
}

void fill(const HypercallBuffer& buffer, std::span<const std::byte> blob)
{
    std::copy(blob.begin(), blob.end(), buffer.octets().begin());
}

}  // namespace

bool VcpuState::online(std::uint32_t vcpu) const
{
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_getvcpuinfo);
    domctl.u.getvcpuinfo.vcpu = vcpu;
    // The numbers have no holes: Xen makes vCPUs in order. An absent one is a domain that has gone meanwhile.
    run(domain_, domctl, "XEN_DOMCTL_getvcpuinfo", vcpu);
    return domctl.u.getvcpuinfo.online != 0;
}

Octets VcpuState::context(std::uint32_t vcpu) const
{
    // Xen fills in the native size or, for a 32-bit guest, the smaller compat one.
    const HypercallBuffer buffer{domain_.host(), sizeof(vcpu_guest_context_any_t)};
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_getvcpucontext);
    domctl.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle_raw(domctl.u.vcpucontext.ctxt, buffer.as<vcpu_guest_context_t>());
    run(domain_, domctl, "XEN_DOMCTL_getvcpucontext", vcpu);
    return copy_of(buffer, context_length_);
}

std::optional<Octets> VcpuState::context_if_any(std::uint32_t vcpu) const
{
    try {
        return context(vcpu);
    } catch (const Error& e) {
        if (e.errnum() == ENODATA) {
            return std::nullopt;
        }
        throw;
    }
}

void VcpuState::set_context(std::uint32_t vcpu, std::span<const std::byte> blob) const
{
    const HypercallBuffer buffer{domain_.host(), sizeof(vcpu_guest_context_any_t)};
    fill(buffer, blob.first(std::min(blob.size(), sizeof(vcpu_guest_context_any_t))));
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_setvcpucontext);
    domctl.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle_raw(domctl.u.vcpucontext.ctxt, buffer.as<vcpu_guest_context_t>());
    run(domain_, domctl, "XEN_DOMCTL_setvcpucontext", vcpu);
}

Octets VcpuState::extended(std::uint32_t vcpu) const
{
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_get_ext_vcpucontext);
    domctl.u.ext_vcpucontext.vcpu = vcpu;
    run(domain_, domctl, "XEN_DOMCTL_get_ext_vcpucontext", vcpu);
    const auto* begin = static_cast<const std::byte*>(static_cast<const void*>(&domctl.u));
    const std::size_t length =
        std::min<std::size_t>(domctl.u.ext_vcpucontext.size, sizeof(domctl.u));
    return {begin, begin + length};
}

void VcpuState::set_extended(std::uint32_t vcpu, std::span<const std::byte> blob) const
{
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_set_ext_vcpucontext);
    if (blob.size() > sizeof(domctl.u)) {
        throw Error{Errc::limit, "extended state of vCPU %u has %zu octets, more than %zu", vcpu,
                    blob.size(), sizeof(domctl.u)};
    }
    std::memcpy(&domctl.u, blob.data(), blob.size());
    domctl.u.ext_vcpucontext.vcpu = vcpu;  // the blob names it a second time
    run(domain_, domctl, "XEN_DOMCTL_set_ext_vcpucontext", vcpu);
}

Octets VcpuState::xsave(std::uint32_t vcpu) const
{
    constexpr const char* call = "XEN_DOMCTL_getvcpuextstate";
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_getvcpuextstate);
    domctl.u.vcpuextstate.vcpu = vcpu;
    run(domain_, domctl, call, vcpu);  // size 0: asks for the size and the feature mask
    if (domctl.u.vcpuextstate.size == 0 || domctl.u.vcpuextstate.xfeature_mask == 0) {
        return {};  // a host without xsave gives a size all the same
    }
    const HypercallBuffer buffer{domain_.host(), domctl.u.vcpuextstate.size};
    set_xen_guest_handle_raw(domctl.u.vcpuextstate.buffer, buffer.as<std::uint64_t>());
    run(domain_, domctl, call, vcpu);
    return copy_of(buffer,
                   std::min<std::size_t>(domctl.u.vcpuextstate.size, buffer.octets().size()));
}

void VcpuState::set_xsave(std::uint32_t vcpu, std::span<const std::byte> blob) const
{
    const HypercallBuffer buffer{domain_.host(), blob.size()};
    fill(buffer, blob);
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_setvcpuextstate);
    domctl.u.vcpuextstate.vcpu = vcpu;
    domctl.u.vcpuextstate.size = blob.size();
    set_xen_guest_handle_raw(domctl.u.vcpuextstate.buffer, buffer.as<std::uint64_t>());
    run(domain_, domctl, "XEN_DOMCTL_setvcpuextstate", vcpu);
}

Octets VcpuState::msrs(std::uint32_t vcpu) const
{
    constexpr const char* call = "XEN_DOMCTL_get_vcpu_msrs";
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_get_vcpu_msrs);
    domctl.u.vcpu_msrs.vcpu = vcpu;
    run(domain_, domctl, call, vcpu);  // no buffer: asks for the most there can be
    const std::size_t most = domctl.u.vcpu_msrs.msr_count;
    if (most == 0) {
        return {};
    }
    const HypercallBuffer buffer{domain_.host(), most * sizeof(xen_domctl_vcpu_msr_t)};
    set_xen_guest_handle_raw(domctl.u.vcpu_msrs.msrs, buffer.as<xen_domctl_vcpu_msr_t>());
    run(domain_, domctl, call, vcpu);
    const std::size_t count = std::min<std::size_t>(domctl.u.vcpu_msrs.msr_count, most);
    return copy_of(buffer, count * sizeof(xen_domctl_vcpu_msr_t));
}

void VcpuState::set_msrs(std::uint32_t vcpu, std::span<const std::byte> blob) const
{
    const HypercallBuffer buffer{domain_.host(), blob.size()};
    fill(buffer, blob);
    xen_domctl domctl = domctl_for(domain_, XEN_DOMCTL_set_vcpu_msrs);
    domctl.u.vcpu_msrs.vcpu = vcpu;
    domctl.u.vcpu_msrs.msr_count =
        static_cast<std::uint32_t>(blob.size() / sizeof(xen_domctl_vcpu_msr_t));
    set_xen_guest_handle_raw(domctl.u.vcpu_msrs.msrs, buffer.as<xen_domctl_vcpu_msr_t>());
    run(domain_, domctl, "XEN_DOMCTL_set_vcpu_msrs", vcpu);
}

}  // namespace sr
