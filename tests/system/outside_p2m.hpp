// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory of a 64-bit guest that keeps its p2m as a list, changed from dom0 as the guest itself would change it.
#pragma once

#include "libsr/xen/libraries.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sr::test {

/// Maps the guest's p2m for as long as it lives, which is to be short: a guest that is being saved must not run meanwhile.
class OutsideP2m {
public:
    explicit OutsideP2m(std::uint32_t domid);

    [[nodiscard]] std::uint64_t nr_pfns() const noexcept { return nr_pfns_; }
    /// The entry of a pfn; ~0 for a hole.
    [[nodiscard]] std::uint64_t& entry(std::uint64_t pfn);
    /// Tells Xen at which pfn a frame of the guest's stands now, which makes that pfn dirty.
    void set_m2p(std::uint64_t mfn, std::uint64_t pfn);
    /// A log-dirty that is on shows that page, and the part of the p2m where its entry stands, as if the guest had written there:
    /// it does not show what dom0 writes.
    void mark_dirty(std::uint64_t pfn) { set_m2p(entry(pfn), pfn); }
    void mark_entry_dirty(std::uint64_t pfn) { mark_dirty(leaf_pfns_.at(pfn / per_leaf)); }

    /// Two pfns get each other's frames. Whatever maps these frames is left alone.
    void swap(std::uint64_t one, std::uint64_t other);
    /// Changes an octet of a page of the guest's.
    void change_page(std::uint64_t mfn);

private:
    static constexpr std::uint64_t per_leaf = 512;

    struct Unmapper {
        void operator()(std::byte* page) const noexcept;
    };
    using Page = std::unique_ptr<std::byte, Unmapper>;
    [[nodiscard]] Page map(std::uint64_t mfn) const;

    std::unique_ptr<xc_interface, int (*)(xc_interface*)> xch_;
    std::unique_ptr<xencall_handle, int (*)(xencall_handle*)> xcall_;
    std::unique_ptr<xenforeignmemory_handle, int (*)(xenforeignmemory_handle*)> memory_;
    std::uint32_t domid_;
    std::uint64_t nr_pfns_ = 0;
    std::vector<Page> leaves_;
    std::vector<std::uint64_t> leaf_pfns_;
};

}  // namespace sr::test
