// SPDX-License-Identifier: LGPL-2.1-or-later
// Dom0's handles: libxenctrl, libxenforeignmemory and libxenstore, as any toolstack uses them.
#pragma once

#include "tests/fakexen/guest/compat_context.hpp"
#include "tests/fakexen/protocol/xen.hpp"
#include "tests/fakexen/store/xenstore.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {  // they do not say so themselves
#include <xenctrl.h>
#include <xenforeignmemory.h>
}

namespace fakexen::guest {

/// A call into Xen's libraries failed: which, and strerror.
class CallError : public std::runtime_error {
public:
    explicit CallError(const std::string& call);
};

/// Throws CallError if a library call that returns a negative number on failure did.
template <typename Result>
Result check(Result result, const char* call)
{
    if (result < 0) {
        throw CallError{call};
    }
    return result;
}

/// Open handles; the domain of interest is passed with each call.
class Toolstack {
public:
    Toolstack();

    [[nodiscard]] xc_interface* xc() const noexcept { return xc_.get(); }
    [[nodiscard]] xs_handle* xs() const noexcept { return xs_.get(); }

    /// Maps frames writable, lets fn fill them (each a page, in order), unmaps.
    void
    write_frames(std::uint32_t domid, const std::vector<xen_pfn_t>& gfns,
                 const std::function<void(std::size_t n, std::span<std::byte> page)>& fn) const;

    /// The same for a frame of a domain's grant table.
    void write_grant_frame(std::uint32_t domid, std::uint32_t n,
                           const std::function<void(std::span<std::byte> page)>& fn) const;

    void write(const std::string& path, const std::string& value) const;
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const;
    /// mkdir with one owner, and if not the owner a domain that may read or read and write.
    void make_directory(const std::string& path, std::vector<xs_permissions> permissions) const;

private:
    template <auto close>
    struct Closer {
        void operator()(auto* handle) const noexcept { (void)close(handle); }
    };
    std::unique_ptr<xc_interface, Closer<xc_interface_close>> xc_;
    std::unique_ptr<xenforeignmemory_handle, Closer<xenforeignmemory_close>> memory_;
    std::unique_ptr<xs_handle, Closer<xs_close>> xs_;
};

/// XEN_DOMCTL_setvcpucontext and getvcpucontext, in the shape that the guest has.
void set_context(const Toolstack& toolstack, std::uint32_t domid, std::uint32_t vcpu,
                 const Abi& abi, const vcpu_guest_context_t& context);
[[nodiscard]] vcpu_guest_context_t get_context(const Toolstack& toolstack, std::uint32_t domid,
                                               std::uint32_t vcpu, const Abi& abi);

}  // namespace fakexen::guest
