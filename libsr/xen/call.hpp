// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of this layer share: errors of failed calls, and memory for hypercall arguments.
#pragma once

#include "libsr/base/error.hpp"
#include "libsr/xen/host.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace sr {

/// "<what>: <call> failed: <strerror>", of class hypervisor. errnum is taken first: pass errno.
[[nodiscard]] Error call_failed(const char* call, int errnum, const char* what, ...) noexcept
    __attribute__((format(printf, 3, 4)));

/// What this errno of XENMEM_acquire_resource may mean, as an addition to what was tried; mostly empty.
[[nodiscard]] const char* acquire_hint(int errnum) noexcept;

/// The pfn of the frame with this index among those of a call. Small enough to be made for each batch without allocating.
using PfnOf = std::function<std::uint64_t(std::size_t)>;

/// Zeroed memory that the hypervisor may access during a call (libxencall).
class HypercallBuffer {
public:
    HypercallBuffer(const Host& host, std::size_t length);  ///< @throws Error{hypervisor}
    ~HypercallBuffer();
    HypercallBuffer(const HypercallBuffer&) = delete;
    HypercallBuffer& operator=(const HypercallBuffer&) = delete;

    /// Its address, as a hypercall takes it.
    [[nodiscard]] std::uint64_t handle() const noexcept;
    [[nodiscard]] std::span<std::byte> octets() const noexcept
    {
        return {static_cast<std::byte*>(address_), length_};
    }
    /// As many T as fit.
    template <typename T>
    [[nodiscard]] T* as() const noexcept
    {
        return static_cast<T*>(address_);
    }

private:
    xencall_handle* xcall_;
    std::size_t length_;
    void* address_;
};

}  // namespace sr
