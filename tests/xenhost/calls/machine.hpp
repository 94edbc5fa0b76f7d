// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypercalls as a toolstack makes them, below libxenctrl, with what they answered told exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

// clang-format off
#define __XEN_TOOLS__ 1
#include <xen/xen.h>
extern "C" {
#include <xencall.h>
#include <xenforeignmemory.h>
}
// clang-format on
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/version.h>

namespace calls {

/// What a call returned: ≥ 0, or a negative errno.
using Result = long;
using Mfn = std::uint64_t;
using Pfn = std::uint64_t;

/// "EINVAL", or the number.
[[nodiscard]] std::string text_of(Result result);

/// Prints a line of the transcript.
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// The same with a result at its end.
void tell(Result result, const char* format, ...) __attribute__((format(printf, 2, 3)));

/// The connection to the hypervisor, and memory that hypercalls may use.
class Machine {
public:
    Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    [[nodiscard]] Result hypercall(unsigned op,
                                   std::initializer_list<std::uint64_t> arguments) const;

    /// n zeroed objects that hypercalls can reach, until release().
    template <typename T>
    [[nodiscard]] T* take(std::size_t n = 1)
    {
        static_assert(std::is_trivially_copyable_v<T>);
        return static_cast<T*>(take_octets(n * sizeof(T)));
    }
    void release() noexcept { used_ = 0; }

    /// Fills in the interface's version where that is 0.
    Result domctl(xen_domctl& op);
    Result sysctl(xen_sysctl& op);

    /// An operation on one structure, which is copied in and out.
    template <typename T>
    Result on(unsigned op, std::uint64_t cmd, T& argument)
    {
        T* const at = take<T>();
        std::memcpy(at, &argument, sizeof argument);
        const Result result = hypercall(op, {cmd, address_of(at)});
        std::memcpy(&argument, at, sizeof argument);
        return result;
    }
    template <typename T>
    Result memory_op(unsigned cmd, T& argument)
    {
        return on(__HYPERVISOR_memory_op, cmd, argument);
    }

    Result mmuext(unsigned cmd, Mfn mfn, std::uint64_t domid, Mfn source = 0);
    Result mmu_update(std::uint64_t pointer, std::uint64_t value, std::uint64_t foreign);

    [[nodiscard]] xenforeignmemory_handle* foreign_memory() const noexcept { return memory_; }

    template <typename T>
    [[nodiscard]] static std::uint64_t address_of(const T* at) noexcept
    {
        return reinterpret_cast<std::uintptr_t>(at);  // NOLINT: what a hypercall takes
    }

private:
    [[nodiscard]] void* take_octets(std::size_t octets);

    xencall_handle* xen_;
    xenforeignmemory_handle* memory_;
    std::span<std::byte> buffer_;
    std::size_t used_ = 0;
};

/// A foreign mapping, with what was said of each frame.
class Mapping {
public:
    /// Without errors_wanted one bad frame fails it all, as libxenforeignmemory has it.
    Mapping(const Machine& machine, std::uint32_t domid, int prot, std::vector<Mfn> frames,
            bool errors_wanted = true);
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    [[nodiscard]] Result result() const noexcept { return result_; }
    /// Of frame n: 0 or a negative errno.
    [[nodiscard]] Result error(std::size_t n) const { return errors_.at(n); }
    [[nodiscard]] std::uint64_t* words(std::size_t page = 0) const noexcept
    {
        return at_ + page * 512;
    }

private:
    const Machine& machine_;
    std::vector<int> errors_;
    std::uint64_t* at_ = nullptr;
    Result result_ = 0;
};

}  // namespace calls
