// SPDX-License-Identifier: LGPL-2.1-or-later
// Failed calls as errors, and hypercall buffers.
#include "libsr/xen/call.hpp"

#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

namespace sr {

Error call_failed(const char* call, int errnum, const char* what, ...) noexcept
{
    std::array<char, 256> text{};
    std::va_list args;
    va_start(args, what);
    (void)std::vsnprintf(text.data(), text.size(), what, args);
    va_end(args);
    Error error = Error::from_errno(Errc::hypervisor, errnum, "%s: %s failed", text.data(), call);
    try {
        error.with_call(call);
    } catch (const std::bad_alloc&) {
        // The message names it, or is itself about this.
    }
    return error;
}

const char* acquire_hint(int errnum) noexcept
{
    switch (errnum) {
    case EOPNOTSUPP:
        return " (Linux can since 4.18)";
    case EPERM:
        return " (no domain may acquire its own)";
    default:
        return "";
    }
}

HypercallBuffer::HypercallBuffer(const Host& host, std::size_t length)
    : xcall_{host.xcall()}, length_{length}, address_{xencall_alloc_buffer(
                                                 xcall_, std::max<std::size_t>(length, 1))}
{
    if (address_ == nullptr) {
        throw call_failed("xencall_alloc_buffer", errno, "no hypercall buffer of %zu octets",
                          length);
    }
    std::memset(address_, 0, length);
}

HypercallBuffer::~HypercallBuffer()
{
    xencall_free_buffer(xcall_, address_);
}

std::uint64_t HypercallBuffer::handle() const noexcept
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the number is what Xen is told
    return reinterpret_cast<std::uintptr_t>(address_);
}

}  // namespace sr
