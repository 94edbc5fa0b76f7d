// SPDX-License-Identifier: LGPL-2.1-or-later
// What the sections about grant tables share.
#pragma once

#include "tests/xenhost/calls/domain.hpp"

namespace calls {

/// grant_table_op on an array of requests, of which there is one.
template <typename T>
Result grant_op(Machine& machine, unsigned cmd, T& request, std::uint64_t count = 1)
{
    T* const at = machine.take<T>();
    *at = request;
    const Result result =
        machine.hypercall(__HYPERVISOR_grant_table_op, {cmd, Machine::address_of(at), count});
    request = *at;
    return result;
}

/// A part of a domain's grant table, mapped as a resource.
class GrantFrames {
public:
    GrantFrames(Machine& machine, domid_t domid, unsigned id, std::uint64_t first,
                std::uint64_t count);
    GrantFrames(const GrantFrames&) = delete;
    GrantFrames& operator=(const GrantFrames&) = delete;
    ~GrantFrames();

    [[nodiscard]] Result result() const noexcept { return result_; }
    [[nodiscard]] grant_entry_v1_t* entries() const noexcept
    {
        return static_cast<grant_entry_v1_t*>(at_);
    }

private:
    Machine& machine_;
    xenforeignmemory_resource_handle* resource_ = nullptr;
    void* at_ = nullptr;
    Result result_ = 0;
};

}  // namespace calls
