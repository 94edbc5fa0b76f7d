// SPDX-License-Identifier: LGPL-2.1-or-later
// A small guest in a domain of its own, and what its kernel can do there: write its memory, change its tables, suspend.
#pragma once

#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m_discovery.hpp"
#include "tests/fuzz/inprocess/host.hpp"
#include "tests/fuzz/small_guest.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace sr::fuzz {

class LiveGuest {
public:
    /// Restores the small guest into a new domain. @throws Violation if that fails
    LiveGuest(InProcessHost& host, GuestWidth width);

    [[nodiscard]] fakexen::Domain& domain() const noexcept { return domain_; }
    [[nodiscard]] const GuestAbi& abi() const noexcept { return abi_; }

    /// The frame that a pfn had when the guest came.
    [[nodiscard]] std::uint64_t mfn(std::uint64_t pfn) const { return mfns_.at(pfn); }

    /// Does what a kernel does that suspends, with its p2m said to be in that form.
    void suspend(P2mKind kind);

    /// Stores 8 octets, unless the page is not the guest's or not one that it may write.
    void store_word(std::uint64_t pfn, std::size_t slot, std::uint64_t value);
    /// The same in shared_info.
    void store_shared(std::size_t slot, std::uint64_t value);
    /// As mmu_update: the hypervisor may refuse it.
    void set_entry(std::uint64_t table, unsigned slot, std::uint64_t entry);
    /// Gives a page back, as a balloon does: the hypervisor may refuse it.
    void give_back(std::uint64_t pfn);
    /// Sets a general register of vCPU 0.
    void set_register(std::size_t number, std::uint64_t value);

private:
    [[nodiscard]] bool is_writable(std::uint64_t pfn) const;
    [[nodiscard]] std::span<std::byte, page_size> page(std::uint64_t pfn) const;

    InProcessHost& host_;
    fakexen::Domain& domain_;
    const GuestAbi& abi_;
    std::array<std::uint64_t, small_guest::nr_pfns> mfns_{};
};

}  // namespace sr::fuzz
