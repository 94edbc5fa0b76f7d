// SPDX-License-Identifier: LGPL-2.1-or-later
// Copying between the host and a calling process.
#include "tests/fakexen/host/caller.hpp"

#include <cerrno>
#include <sys/uio.h>

namespace fakexen {
namespace {

using Transfer = ssize_t (*)(pid_t, const iovec*, unsigned long, const iovec*, unsigned long,
                             unsigned long);

/// All octets or EFAULT: a short count means that part of the range is not there.
void transfer(Transfer how, pid_t process, std::uint64_t address, void* local, std::size_t length)
{
    if (length == 0) {
        return;
    }
    const iovec here = {local, length};
    const iovec there = {reinterpret_cast<void*>(address), length};
    const ssize_t done = how(process, &here, 1, &there, 1, 0);
    if (done < 0 || static_cast<std::size_t>(done) != length) {
        throw Refused{EFAULT};
    }
}

}  // namespace

void Caller::read(std::uint64_t address, std::span<std::byte> into) const
{
    transfer(::process_vm_readv, process_, address, into.data(), into.size());
}

void Caller::write(std::uint64_t address, std::span<const std::byte> from) const
{
    transfer(::process_vm_writev, process_, address, const_cast<std::byte*>(from.data()),
             from.size());
}

}  // namespace fakexen
