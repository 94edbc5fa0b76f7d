// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypervisor beneath: the library handles that everything else in this layer works on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

extern "C" {
struct xc_interface_core;
struct xenforeignmemory_handle;
struct xencall_handle;
}

namespace sr {

/// Version of the running hypervisor, for the domain header.
struct XenVersion {
    std::uint32_t major;
    std::uint32_t minor;
};

/// An open libxenctrl and libxenforeignmemory: our own, or a caller's that stay open after us.
class Host {
public:
    /// @param xch, fmem  handles of the caller, or null: opened here
    /// @throws Error{hypervisor} if there is no Xen, or no right to use it
    Host(xc_interface_core* xch, xenforeignmemory_handle* fmem);
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    [[nodiscard]] xc_interface_core* xch() const noexcept { return xch_; }
    [[nodiscard]] xenforeignmemory_handle* fmem() const noexcept { return fmem_; }
    [[nodiscard]] xencall_handle* xcall() const noexcept;

    [[nodiscard]] XenVersion version() const;  ///< @throws Error{hypervisor}

    /// Whether domains here can use version 2 of grant tables. @return none of a hypervisor before 4.16, which does not tell
    /// @throws Error{hypervisor}
    [[nodiscard]] std::optional<bool> offers_grant_v2() const;

private:
    struct QuietLogger;
    std::unique_ptr<QuietLogger> logger_;
    xc_interface_core* xch_;
    xenforeignmemory_handle* fmem_;
    bool owns_xch_ = false;
    bool owns_fmem_ = false;
};

}  // namespace sr
