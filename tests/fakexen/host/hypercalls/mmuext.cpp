// SPDX-License-Identifier: LGPL-2.1-or-later
// mmuext_op and set_gdt: pins, base pointers, flushes and descriptor tables.
#include "tests/fakexen/host/hypercalls/hypercalls.hpp"
#include "tests/fakexen/host/vcpu_context.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fakexen::hypercall {
namespace {

int new_base(Hypervisor& xen, Domain& domain, std::optional<Mfn>& held, std::uint64_t number,
             bool may_be_none)
{
    const auto wanted = number == 0 && may_be_none ? std::nullopt : std::optional{Mfn{number}};
    if (held == wanted) {
        return 0;
    }
    if (wanted) {
        const int error = xen.types.get_page_and_type(*wanted, top_table(domain), domain);
        if (error != 0) {
            return error;
        }
    }
    if (const auto old = std::exchange(held, wanted)) {
        xen.types.put_page_and_type(*old);
    }
    return 0;
}

int set_ldt(Vcpu& vcpu, const mmuext_op_t& op)
{
    const std::uint64_t base = op.arg1.linear_addr;
    const unsigned entries = op.arg2.nr_ents;
    if (entries > 8192 || (entries > 0 && base % page_size != 0)) {
        return -EINVAL;
    }
    vcpu.context.ldt_base = entries > 0 ? base : 0;
    vcpu.context.ldt_ents = entries;
    return 0;
}

/// For a page of the owner with a writable reference held: fill it.
template <typename Fill>
int write_page(Hypervisor& xen, Domain& owner, Mfn mfn, Fill fill)
{
    if (xen.types.get_page_and_type(mfn, FrameType::writable, owner) != 0) {
        return -EINVAL;
    }
    fill(xen.machine.contents(mfn));
    owner.dirty.mark(xen.machine.m2p(mfn));
    xen.types.put_page_and_type(mfn);
    return 0;
}

int copy_page(Hypervisor& xen, Domain& owner, Mfn to, Mfn from)
{
    if (!xen.types.get_page(from, owner)) {
        return -EINVAL;
    }
    const int error = write_page(xen, owner, to, [&](std::span<std::byte> page) {
        const auto source = xen.machine.contents(from);
        std::copy(source.begin(), source.end(), page.begin());
    });
    xen.types.put_page(from);
    return error;
}

int on_page(Hypervisor& xen, Domain& owner, const mmuext_op_t& op)
{
    const Mfn mfn{op.arg1.mfn};
    switch (op.cmd) {
    case MMUEXT_PIN_L1_TABLE:
        return xen.types.pin(mfn, FrameType::l1_table, owner);
    case MMUEXT_PIN_L2_TABLE:
        return xen.types.pin(mfn, FrameType::l2_table, owner);
    case MMUEXT_PIN_L3_TABLE:
        return xen.types.pin(mfn, FrameType::l3_table, owner);
    case MMUEXT_PIN_L4_TABLE:
        if (owner.is_32bit) {
            return 0;  // passed over: it has no such tables, and nothing is pinned
        }
        return xen.types.pin(mfn, FrameType::l4_table, owner);
    case MMUEXT_UNPIN_TABLE:
        return xen.types.unpin(mfn, owner);
    case MMUEXT_CLEAR_PAGE:
        return write_page(xen, owner, mfn, [](std::span<std::byte> page) {
            std::fill(page.begin(), page.end(), std::byte{0});
        });
    case MMUEXT_COPY_PAGE:
        return copy_page(xen, owner, mfn, Mfn{op.arg2.src_mfn});
    default:
        return -ENOSYS;
    }
}

/// Operations on the calling vCPU: of itself only.
int on_vcpu(Hypervisor& xen, const Caller& caller, const mmuext_op_t& op)
{
    Vcpu* vcpu = caller.vcpu();
    if (vcpu == nullptr) {
        return -EPERM;
    }
    switch (op.cmd) {
    case MMUEXT_NEW_BASEPTR:
        return new_base(xen, caller.domain(), vcpu->kernel_table, op.arg1.mfn, false);
    case MMUEXT_NEW_USER_BASEPTR:
        if (caller.domain().is_32bit) {
            return -EINVAL;
        }
        return new_base(xen, caller.domain(), vcpu->user_table, op.arg1.mfn, true);
    case MMUEXT_SET_LDT:
        return set_ldt(*vcpu, op);
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
    case MMUEXT_TLB_FLUSH_ALL:
    case MMUEXT_INVLPG_ALL:
        return 0;  // there are no TLBs here
    default:
        return -ENOSYS;
    }
}

int serve_one(Hypervisor& xen, const Caller& caller, Domain& owner, const mmuext_op_t& op)
{
    const int on_its_page = on_page(xen, owner, op);
    if (on_its_page != -ENOSYS) {
        return on_its_page;
    }
    if (op.cmd == MMUEXT_MARK_SUPER || op.cmd == MMUEXT_UNMARK_SUPER) {
        return -EOPNOTSUPP;
    }
    if (op.cmd > MMUEXT_FLUSH_CACHE_GLOBAL) {
        return -ENOSYS;
    }
    if (&owner != &caller.domain()) {
        return -EPERM;
    }
    return on_vcpu(xen, caller, op);
}

}  // namespace

// (operations, count, done, domain). Stops at the first failure; *done says how many were made.
std::int64_t mmuext_op(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    const std::uint64_t domid = args[3] & 0xffff;
    if (caller.is_dom0() && (domid == DOMID_XEN || domid == DOMID_IO)) {
        return -EINVAL;  // they have no frames that such a call may be about
    }
    Domain& owner = target_domain(xen, caller, domid);
    const auto count = static_cast<std::uint32_t>(args[1]);
    std::uint32_t done = 0;
    int error = 0;
    for (; done < count; ++done) {
        error = serve_one(xen, caller, owner,
                          caller.read<mmuext_op_t>(args[0] + done * sizeof(mmuext_op_t)));
        if (error != 0) {
            break;
        }
    }
    if (args[2] != 0) {
        caller.write(args[2], done);
    }
    return error;
}

// (frames, entries) of the calling vCPU.
std::int64_t set_gdt(Hypervisor& xen, const Caller& caller, const HypercallArgs& args)
{
    if (caller.vcpu() == nullptr || args[1] > gdt_entries_max) {
        return -EINVAL;
    }
    const auto frames = caller.read_array<std::uint64_t>(args[0], (args[1] + 511) / 512);
    return fakexen::set_gdt(xen, *caller.vcpu(), frames, static_cast<std::uint32_t>(args[1]));
}

}  // namespace fakexen::hypercall
