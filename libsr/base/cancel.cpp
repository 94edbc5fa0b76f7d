// SPDX-License-Identifier: LGPL-2.1-or-later
// CancelToken over an eventfd.
#include "libsr/base/cancel.hpp"

#include "libsr/base/error.hpp"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sr {

CancelToken::CancelToken() : event_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
{
    if (!event_) {
        throw Error::from_errno(Errc::io, errno, "cannot make a descriptor for cancelling")
            .with_call("eventfd");
    }
}

void CancelToken::cancel() noexcept
{
    const int saved = errno;
    cancelled_.store(true);
    const std::uint64_t one = 1;
    // It fails only if cancelled 2^64 times: readable then, which is all we want.
    [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
    errno = saved;
}

void CancelToken::check() const
{
    if (cancelled()) {
        throw Error{Errc::cancelled, "stopped on request"};
    }
}

}  // namespace sr
