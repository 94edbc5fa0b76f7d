// SPDX-License-Identifier: LGPL-2.1-or-later
// Who makes a hypercall, and access to that process's memory.
#pragma once

#include "tests/fakexen/host/domain.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/types.h>
#include <type_traits>
#include <vector>

namespace fakexen {

/// A hypercall that is refused as a whole. Caught where hypercalls are dispatched, nowhere else.
struct Refused {
    int errnum;  ///< positive
};

/// Is told each call by its name ("domctl.getdomaininfo", "memory_op.populate_physmap") before it is served.
class CallObserver {
public:
    CallObserver() = default;
    CallObserver(const CallObserver&) = delete;
    CallObserver& operator=(const CallObserver&) = delete;
    virtual ~CallObserver() = default;

    /// @throws Refused when the call is to fail on cue
    virtual void entered(const char* family, const char* call) = 0;
    /// The call entered last is over.
    virtual void left(std::int64_t result) noexcept = 0;
    /// More about the call entered last, for whoever reads the trace.
    virtual void described(const char* detail) { (void)detail; }
    /// Xen is about to allocate something for the call entered last. @return false when that is to fail on cue
    [[nodiscard]] virtual bool allocating(const char* what)
    {
        (void)what;
        return true;
    }
};

/// A caller that lives in the host's own process, as in fuzzing: its memory is at hand, and an address that is wrong is
/// a crash.
inline constexpr pid_t this_process = 0;

/// The caller of a hypercall: a dom0 process, or a guest program that plays a vCPU.
/// Reads and writes throw Refused{EFAULT} where the process has no such memory.
class Caller {
public:
    Caller(pid_t process, Domain& domain, Vcpu* vcpu, CallObserver& observer)
        : process_{process}, domain_{domain}, vcpu_{vcpu}, observer_{observer}
    {
    }

    /// To be called once the name of a call is known, before anything is done. @throws Refused
    void enter(const char* family, const char* call) const { observer_.entered(family, call); }
    void leave(std::int64_t result) const noexcept { observer_.left(result); }
    void describe(const char* format, ...) const __attribute__((format(printf, 2, 3)));
    [[nodiscard]] CallObserver& observer() const noexcept { return observer_; }

    /// Dom0 for a toolstack.
    [[nodiscard]] Domain& domain() const noexcept { return domain_; }
    [[nodiscard]] bool is_dom0() const noexcept { return domain_.id == 0; }
    /// Null for a dom0 process: nobody models its CPUs.
    [[nodiscard]] Vcpu* vcpu() const noexcept { return vcpu_; }
    [[nodiscard]] pid_t process() const noexcept { return process_; }

    void read(std::uint64_t address, std::span<std::byte> into) const;
    void write(std::uint64_t address, std::span<const std::byte> from) const;

    template <typename T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] T read(std::uint64_t address) const
    {
        T value{};
        read(address, std::as_writable_bytes(std::span{&value, 1}));
        return value;
    }

    template <typename T>
    requires std::is_trivially_copyable_v<T>
    void write(std::uint64_t address, const T& value) const
    {
        write(address, std::as_bytes(std::span{&value, 1}));
    }

    /// count elements; the bound is checked before anything is allocated.
    template <typename T>
    [[nodiscard]] std::vector<T> read_array(std::uint64_t address, std::uint64_t count) const
    {
        if (count > array_limit) {
            throw Refused{E2BIG};
        }
        std::vector<T> values(count);
        read(address, std::as_writable_bytes(std::span{values}));
        return values;
    }

    template <typename T>
    void write_array(std::uint64_t address, std::span<const T> values) const
    {
        write(address, std::as_bytes(values));
    }

    static constexpr std::uint64_t array_limit = std::uint64_t{1} << 22;

private:
    pid_t process_;
    Domain& domain_;
    Vcpu* vcpu_;
    CallObserver& observer_;
};

/// A Xen guest handle of a public structure, as the caller's address.
template <typename Handle>
[[nodiscard]] std::uint64_t address_of(const Handle& handle) noexcept
{
    std::uint64_t address = 0;
    static_assert(sizeof handle == sizeof address);
    __builtin_memcpy(&address, &handle, sizeof address);
    return address;
}

}  // namespace fakexen
