// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine under the guest kernel: memory by machine frame, hypercalls, vCPU registers, quanta.
#pragma once

#include "tests/fakexen/guest/compat_context.hpp"
#include "tests/fakexen/protocol/client.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fakexen::guest {

/// The host went away, or refuses to be talked to: nothing to do but end.
class HostGone : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "the fakexen host is gone"; }
};

class Machine {
public:
    /// Connects as the kernel of a domain. @throws std::runtime_error
    explicit Machine(std::uint32_t domid);
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    /// A frame of RAM; nothing for a number that is none.
    [[nodiscard]] std::byte* frame(Mfn mfn) const noexcept;
    /// A frame is about to be stored to. In log-dirty mode the host is told, before the quantum ends.
    void note_store(Mfn mfn) const
    {
        if (log_dirty_ && (stored_.empty() || stored_.back() != mfn)) {
            stored_.push_back(mfn);
        }
    }
    /// The machine-to-physical table, which every guest may read.
    [[nodiscard]] Pfn m2p(Mfn mfn) const noexcept;

    /// A result ≥ 0 or a negative errno.
    [[nodiscard]] std::int64_t hypercall(std::uint32_t op,
                                         std::initializer_list<std::uint64_t> arguments,
                                         std::uint32_t vcpu = 0) const;
    [[nodiscard]] std::int64_t mmu_update(std::span<const mmu_update_t> updates) const;
    [[nodiscard]] std::int64_t update_va_mapping(Va va, std::uint64_t entry) const;
    /// @param vcpu  which vCPU makes the call: it matters for its base pointers
    [[nodiscard]] std::int64_t mmuext(unsigned cmd, Mfn mfn, std::uint32_t vcpu = 0) const;
    [[nodiscard]] std::int64_t notify(std::uint32_t port) const;

    struct Vcpu {
        bool online = false;
        const Abi* abi = nullptr;  ///< of the guest
        vcpu_guest_context_t context = {};
    };
    /// Nothing if there is no such vCPU, or it was never given a context, or not one of our guests'.
    [[nodiscard]] std::optional<Vcpu> read_vcpu(std::uint32_t vcpu) const;
    /// General registers, FPU and segment bases of a vCPU.
    void write_vcpu(std::uint32_t vcpu, const vcpu_guest_context_t& context) const;

    /// What a vCPU has beside its context; the vCPU has to be there.
    [[nodiscard]] protocol::ReadVcpuStateReply read_vcpu_state(std::uint32_t vcpu) const;
    /// A result ≥ 0 or a negative errno.
    [[nodiscard]] std::int64_t write_vcpu_state(std::uint32_t vcpu,
                                                const protocol::VcpuState& state) const;

    /// Ends a quantum and waits for the next. @return false when the domain is no more
    [[nodiscard]] bool next_quantum(std::uint32_t idle_ms) const;

private:
    void report_stores() const;

    std::unique_ptr<Client> client_;
    std::span<std::byte> memory_;
    std::span<std::byte> m2p_;
    mutable bool log_dirty_ = false;  ///< in this quantum
    mutable std::vector<Mfn> stored_;
};

/// A hypercall argument that Xen copies from or to.
template <typename T>
[[nodiscard]] std::uint64_t address_of(const T* object) noexcept
{
    return std::bit_cast<std::uint64_t>(object);
}

}  // namespace fakexen::guest
