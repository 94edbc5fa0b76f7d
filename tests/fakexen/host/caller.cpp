// SPDX-License-Identifier: LGPL-2.1-or-later
// Copying between the host and a calling process.
#include "tests/fakexen/host/caller.hpp"

#include "libsr/base/io.hpp"

#include <bit>
#include <cerrno>
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

iovec there(std::uint64_t address, std::size_t length)
{
    return {std::bit_cast<void*>(address), length};
}

}  // namespace

void Caller::read(std::uint64_t address, std::span<std::byte> into) const
{
    const iovec here = sr::iovec_of(into);
    const iovec from = there(address, into.size());
    if (!into.empty()) {
        check(::process_vm_readv(process_, &here, 1, &from, 1, 0), into.size());
    }
}

void Caller::write(std::uint64_t address, std::span<const std::byte> from) const
{
    const iovec here = sr::iovec_of(from);
    const iovec to = there(address, from.size());
    if (!from.empty()) {
        check(::process_vm_writev(process_, &here, 1, &to, 1, 0), from.size());
    }
}

}  // namespace fakexen
