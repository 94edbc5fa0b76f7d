// SPDX-License-Identifier: LGPL-2.1-or-later
// Small wrappers over Xen's libraries.
#include "tests/fakexen/guest/toolstack.hpp"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace fakexen::guest {

CallError::CallError(const std::string& call)
    : std::runtime_error{call + ": " + std::strerror(errno)}
{
}

Toolstack::Toolstack()
    : xc_{xc_interface_open(nullptr, nullptr, 0)}, memory_{xenforeignmemory_open(nullptr, 0)},
      xs_{xs_open(0)}
{
    if (!xc_ || !memory_ || !xs_) {
        throw CallError{!xs_ ? "xs_open" : "xc_interface_open"};
    }
}

void Toolstack::write_frames(
    std::uint32_t domid, const std::vector<xen_pfn_t>& gfns,
    const std::function<void(std::size_t n, std::span<std::byte> page)>& fn) const
{
    if (gfns.empty()) {
        return;
    }
    void* const mapped = xenforeignmemory_map(memory_.get(), domid, PROT_READ | PROT_WRITE,
                                              gfns.size(), gfns.data(), nullptr);
    if (mapped == nullptr) {
        throw CallError{"xenforeignmemory_map"};
    }
    const std::span all{static_cast<std::byte*>(mapped), gfns.size() * page_size};
    for (std::size_t n = 0; n < gfns.size(); ++n) {
        fn(n, all.subspan(n * page_size, page_size));
    }
    (void)check(xenforeignmemory_unmap(memory_.get(), mapped, gfns.size()),
                "xenforeignmemory_unmap");
}

void Toolstack::write_grant_frame(std::uint32_t domid, std::uint32_t n,
                                  const std::function<void(std::span<std::byte> page)>& fn) const
{
    void* mapped = nullptr;
    auto* const resource = xenforeignmemory_map_resource(
        memory_.get(), static_cast<domid_t>(domid), XENMEM_resource_grant_table,
        XENMEM_resource_grant_table_id_shared, n, 1, &mapped, PROT_READ | PROT_WRITE, 0);
    if (resource == nullptr) {
        throw CallError{"xenforeignmemory_map_resource"};
    }
    fn({static_cast<std::byte*>(mapped), page_size});
    (void)check(xenforeignmemory_unmap_resource(memory_.get(), resource),
                "xenforeignmemory_unmap_resource");
}

void Toolstack::write(const std::string& path, const std::string& value) const
{
    if (!xs_write(xs(), XBT_NULL, path.c_str(), value.data(),
                  static_cast<unsigned>(value.size()))) {
        throw CallError{"xs_write " + path};
    }
}

std::optional<std::string> Toolstack::read(const std::string& path) const
{
    unsigned length = 0;
    const std::unique_ptr<void, decltype(&std::free)> value{
        xs_read(xs(), XBT_NULL, path.c_str(), &length), &std::free};
    if (!value) {
        return {};
    }
    return std::string{static_cast<const char*>(value.get()), length};
}

void Toolstack::make_directory(const std::string& path,
                               std::vector<xs_permissions> permissions) const
{
    if (!xs_mkdir(xs(), XBT_NULL, path.c_str()) ||
        !xs_set_permissions(xs(), XBT_NULL, path.c_str(), permissions.data(),
                            static_cast<unsigned>(permissions.size()))) {
        throw CallError{"xs_mkdir " + path};
    }
}

void set_context(const Toolstack& toolstack, std::uint32_t domid, std::uint32_t vcpu,
                 const Abi& abi, const vcpu_guest_context_t& context)
{
    const ContextOctets octets = octets_of(context, abi);
    vcpu_guest_context_any_t any = {};
    static_assert(sizeof any >= sizeof octets);
    std::memcpy(&any, &octets, sizeof octets);
    (void)check(xc_vcpu_setcontext(toolstack.xc(), domid, vcpu, &any), "xc_vcpu_setcontext");
}

vcpu_guest_context_t get_context(const Toolstack& toolstack, std::uint32_t domid,
                                 std::uint32_t vcpu, const Abi& abi)
{
    vcpu_guest_context_any_t any = {};
    (void)check(xc_vcpu_getcontext(toolstack.xc(), domid, vcpu, &any), "xc_vcpu_getcontext");
    ContextOctets octets = {};
    std::memcpy(&octets, &any, sizeof octets);
    return context_of(octets, abi);
}

}  // namespace fakexen::guest
