// SPDX-License-Identifier: LGPL-2.1-or-later
// Copying between the host and a calling process.
#include "tests/fakexen/host/caller.hpp"

#include "libsr/base/io.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <sys/uio.h>

namespace fakexen {
namespace {

/// All octets or EFAULT: a short count means that part of the range is not there.
void check(ssize_t done, std::size_t length)
{
    if (done < 0 || static_cast<std::size_t>(done) != length) {
        throw Refused{EFAULT};
    }
}

/// Memory of this very process at an address.
std::byte* here_at(std::uint64_t address)
{
    return std::bit_cast<std::byte*>(address);
}

iovec there(std::uint64_t address, std::size_t length)
{
    return {std::bit_cast<void*>(address), length};
}

}  // namespace

void Caller::describe(const char* format, ...) const
{
    char detail[128];
    std::va_list args;
    va_start(args, format);
    (void)std::vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    observer_.described(detail);
}

void Caller::read(std::uint64_t address, std::span<std::byte> into) const
{
    if (process_ == this_process) {
        std::copy_n(here_at(address), into.size(), into.begin());
        return;
    }
    const iovec here = sr::iovec_of(into);
    const iovec from = there(address, into.size());
    if (!into.empty()) {
        check(::process_vm_readv(process_, &here, 1, &from, 1, 0), into.size());
    }
}

void Caller::write(std::uint64_t address, std::span<const std::byte> from) const
{
    if (process_ == this_process) {
        std::copy(from.begin(), from.end(), here_at(address));
        return;
    }
    const iovec here = sr::iovec_of(from);
    const iovec to = there(address, from.size());
    if (!from.empty()) {
        check(::process_vm_writev(process_, &here, 1, &to, 1, 0), from.size());
    }
}

}  // namespace fakexen
