// SPDX-License-Identifier: LGPL-2.1-or-later
// Making calls, and printing what came of them.
#include "tests/xenhost/calls/machine.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <stdexcept>

namespace calls {
namespace {

constexpr std::size_t buffer_pages = 1024;
constexpr std::size_t page_size = 4096;

Result result_of(long returned) noexcept
{
    return returned < 0 ? -static_cast<Result>(errno) : returned;
}

}  // namespace

std::string text_of(Result result)
{
    const char* const name = result < 0 ? ::strerrorname_np(static_cast<int>(-result)) : nullptr;
    return name != nullptr ? name : std::to_string(result);
}

void say(const char* format, ...)
{
    std::va_list args;
    va_start(args, format);
    (void)std::vprintf(format, args);
    va_end(args);
    (void)std::putchar('\n');
    (void)std::fflush(stdout);  // a machine that dies leaves what came before
}

void tell(Result result, const char* format, ...)
{
    char what[200] = {};
    std::va_list args;
    va_start(args, format);
    (void)std::vsnprintf(what, sizeof what, format, args);
    va_end(args);
    say("%s: %s", what, text_of(result).c_str());
}

Machine::Machine() : xen_{xencall_open(nullptr, 0)}, memory_{xenforeignmemory_open(nullptr, 0)}
{
    void* const at = xen_ != nullptr ? xencall_alloc_buffer_pages(xen_, buffer_pages) : nullptr;
    if (at == nullptr || memory_ == nullptr) {
        throw std::runtime_error{"this is no host's control domain"};
    }
    buffer_ = {static_cast<std::byte*>(at), buffer_pages * page_size};
}

Machine::~Machine()
{
    xencall_free_buffer_pages(xen_, buffer_.data(), buffer_pages);
    (void)xenforeignmemory_close(memory_);
    (void)xencall_close(xen_);
}

void* Machine::take_octets(std::size_t octets)
{
    const std::size_t rounded = (octets + 15) / 16 * 16;
    if (rounded > buffer_.size() - used_) {
        throw std::runtime_error{"the buffer is too small"};
    }
    const auto taken = buffer_.subspan(used_, rounded);
    used_ += rounded;
    std::memset(taken.data(), 0, rounded);
    return taken.data();
}

Result Machine::hypercall(unsigned op, std::initializer_list<std::uint64_t> arguments) const
{
    std::uint64_t a[5] = {};
    std::copy(arguments.begin(), arguments.end(), a);
    return result_of(xencall5(xen_, op, a[0], a[1], a[2], a[3], a[4]));
}

Result Machine::domctl(xen_domctl& op)
{
    auto* const at = take<xen_domctl>();
    if (op.interface_version == 0) {
        op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    }
    *at = op;
    const Result result = hypercall(__HYPERVISOR_domctl, {address_of(at)});
    op = *at;
    return result;
}

Result Machine::sysctl(xen_sysctl& op)
{
    auto* const at = take<xen_sysctl>();
    if (op.interface_version == 0) {
        op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    }
    *at = op;
    const Result result = hypercall(__HYPERVISOR_sysctl, {address_of(at)});
    op = *at;
    return result;
}

Result Machine::mmuext(unsigned cmd, Mfn mfn, std::uint64_t domid, Mfn source)
{
    auto* const op = take<mmuext_op_t>();
    op->cmd = cmd;
    op->arg1.mfn = mfn;
    op->arg2.src_mfn = source;
    return hypercall(__HYPERVISOR_mmuext_op, {address_of(op), 1, 0, domid});
}

Result Machine::mmu_update(std::uint64_t pointer, std::uint64_t value, std::uint64_t foreign)
{
    auto* const request = take<mmu_update_t>();
    *request = {pointer, value};
    return hypercall(__HYPERVISOR_mmu_update, {address_of(request), 1, 0, foreign});
}

Mapping::Mapping(const Machine& machine, std::uint32_t domid, int prot, std::vector<Mfn> frames,
                 bool errors_wanted)
    : machine_{machine}, errors_(frames.size())
{
    errno = 0;
    void* const at = xenforeignmemory_map(machine.foreign_memory(), domid, prot, frames.size(),
                                          frames.data(), errors_wanted ? errors_.data() : nullptr);
    result_ = at == nullptr ? -static_cast<Result>(errno) : 0;
    at_ = static_cast<std::uint64_t*>(at);
}

Mapping::~Mapping()
{
    if (at_ != nullptr) {
        (void)xenforeignmemory_unmap(machine_.foreign_memory(), at_, errors_.size());
    }
}

}  // namespace calls
