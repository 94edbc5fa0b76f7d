// SPDX-License-Identifier: LGPL-2.1-or-later
// mmu_update and update_va_mapping: changes of page tables and of the M2P table.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/page_walk.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <atomic>
#include <cerrno>

namespace fakexen::hypercall {
namespace {

/// The two domains of an mmu_update: whose table it is, and whose frames the entries name.
struct Owners {
    Domain& table;
    Domain& frame;
};

Owners owners_of(const Hypervisor& xen, const Caller& caller, std::uint64_t foreign)
{
    const std::uint64_t table = foreign >> 16 & 0xffff;  // domid + 1, or 0 for the caller
    Domain& frame_owner = target_domain(xen, caller, foreign & 0xffff);
    return {table == 0 ? caller.domain() : target_domain(xen, caller, table - 1), frame_owner};
}

int update_page_table(Hypervisor& xen, const Owners& owners, std::uint64_t pointer,
                      std::uint64_t value, KeepBits keep)
{
    const Mfn mfn{pointer >> 12};
    if (!xen.types.get_page(mfn, owners.table)) {
        return -EINVAL;
    }
    const auto slot = static_cast<unsigned>(pointer % page_size / sizeof value);
    const FrameState& frame = xen.machine.frame(mfn);
    int error = 0;
    if (is_table(frame.type) && frame.validated) {
        const bool foreign_in_upper =
            frame.type != FrameType::l1_table && &owners.table != &owners.frame;
        error = foreign_in_upper
                    ? -EINVAL
                    : xen.types.update_entry(mfn, slot, value, keep, owners.table, owners.frame);
    } else {
        // Not a page table (any more): plain memory, if it may be written.
        error = xen.types.get_type(mfn, FrameType::writable) == 0 ? 0 : -EINVAL;
        if (error == 0) {
            std::atomic_ref{xen.machine.entries(mfn)[slot]}.store(value);
            owners.table.dirty.mark(xen.machine.m2p(mfn));
            xen.types.put_type(mfn);
        }
    }
    xen.types.put_page(mfn);
    return error;
}

int update_m2p(Hypervisor& xen, const Caller& caller, const Owners& owners, std::uint64_t pointer,
               std::uint64_t pfn)
{
    if (&owners.table != &caller.domain()) {
        return -EPERM;
    }
    const Mfn mfn{pointer >> 12};
    if (!xen.types.get_page(mfn, owners.frame)) {
        return -EINVAL;
    }
    xen.machine.set_m2p(mfn, pfn);
    owners.frame.dirty.mark(pfn);
    xen.types.put_page(mfn);
    return 0;
}

int update_one(Hypervisor& xen, const Caller& caller, const Owners& owners,
               const mmu_update_t& request)
{
    constexpr std::uint64_t command_mask = 7;
    const std::uint64_t pointer = request.ptr & ~command_mask;
    switch (request.ptr & command_mask) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_page_table(xen, owners, pointer, request.val, KeepBits::none);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_page_table(xen, owners, pointer, request.val, KeepBits::accessed_dirty);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(xen, caller, owners, pointer, request.val);
    default:
        return -ENOSYS;
    }
}

}  // namespace

// (requests, count, done, foreign). Stops at the first failure; *done says how many were made.
std::int64_t mmu_update(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const Owners owners = owners_of(xen, caller, args[3]);
    const auto count = static_cast<std::uint32_t>(args[1]);
    std::uint32_t done = 0;
    int error = 0;
    for (; done < count && error == 0; ++done) {
        const auto request = caller.read<mmu_update_t>(args[0] + done * sizeof(mmu_update_t));
        error = update_one(xen, caller, owners, request);
        if (error != 0) {
            break;
        }
    }
    if (args[2] != 0) {
        caller.write(args[2], done);
    }
    return error;
}

// (va, value, flags): the L1 entry that maps va in the caller's current address space.
std::int64_t update_va_mapping(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    if (caller.vcpu() == nullptr || !caller.vcpu()->kernel_table) {
        return -EINVAL;
    }
    const Levels levels = caller.domain().is_32bit ? Levels::pae : Levels::long_mode;
    const auto where = find_l1_entry(xen.machine, *caller.vcpu()->kernel_table, args[0], levels);
    if (!where || !xen.types.get_page(where->table, caller.domain())) {
        return -EINVAL;
    }
    const FrameState& frame = xen.machine.frame(where->table);
    int error = -EINVAL;
    if (frame.type == FrameType::l1_table && frame.validated) {
        error = xen.types.update_entry(where->table, where->slot, args[1], KeepBits::none,
                                       caller.domain(), caller.domain());
    }
    xen.types.put_page(where->table);
    return error;
}

}  // namespace fakexen::hypercall
