// SPDX-License-Identifier: LGPL-2.1-or-later
// A paravirtual domain of the test's own making, that never runs.
#pragma once

#include "tests/xenhost/calls/machine.hpp"

#include <algorithm>
#include <array>

namespace calls {

using Page = std::array<std::uint64_t, 512>;

namespace pte {
inline constexpr std::uint64_t present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40;
inline constexpr std::uint64_t table = present | writable | user | accessed | dirty;
inline constexpr std::uint64_t read_write = table;
inline constexpr std::uint64_t read_only = table & ~writable;
}  // namespace pte

/// What getpageframeinfo3 says, in words: "L2TAB pinned".
[[nodiscard]] std::string name_of_type(std::uint64_t type);

class Domain {
public:
    static constexpr Pfn nr_pages = 64;

    /// Creates one with two vCPUs. @throws std::runtime_error
    explicit Domain(Machine& machine);
    Domain(const Domain&) = delete;
    Domain& operator=(const Domain&) = delete;
    /// Destroys it.
    ~Domain();

    /// Room for twice as many, and frames for pfns 0 to nr_pages - 1.
    void populate();

    [[nodiscard]] domid_t id() const noexcept { return id_; }
    [[nodiscard]] Machine& machine() const noexcept { return machine_; }
    [[nodiscard]] Mfn mfn(Pfn pfn) const { return mfns_.at(pfn); }
    void set_mfn(Pfn pfn, Mfn mfn) { mfns_.at(pfn) = mfn; }
    [[nodiscard]] std::uint64_t entry(Pfn pfn, std::uint64_t flags) const
    {
        return mfn(pfn) << 12 | flags;
    }

    /// Writes a page through a mapping. @throws std::runtime_error if it cannot be mapped
    void write(Pfn pfn, const Page& contents) const;
    void clear(Pfn pfn) const { write(pfn, {}); }
    /// A page with one word that is not 0.
    void write_one(Pfn pfn, std::size_t slot, std::uint64_t word) const;
    [[nodiscard]] Page read(Pfn pfn) const;

    Result domctl(unsigned cmd, xen_domctl& op) const;
    Result domctl(unsigned cmd) const;
    [[nodiscard]] xen_domctl_getdomaininfo info() const;
    /// In words.
    [[nodiscard]] std::string type(Pfn pfn) const;
    [[nodiscard]] std::string type_of_mfn(Mfn mfn) const;

    Result pin(unsigned level, Pfn pfn) const { return machine_.mmuext(level - 1, mfn(pfn), id_); }
    Result unpin(Pfn pfn) const { return machine_.mmuext(MMUEXT_UNPIN_TABLE, mfn(pfn), id_); }
    /// Writes an entry of a table, both of which are this domain's.
    Result update(Pfn table, std::size_t slot, std::uint64_t entry, unsigned cmd = 0) const;

    Result populate(std::vector<xen_pfn_t>& pfns, unsigned order = 0) const;
    Result decrease(std::vector<xen_pfn_t> mfns, unsigned order = 0) const;

private:
    Machine& machine_;
    domid_t id_ = 0;
    std::array<Mfn, nr_pages> mfns_{};
};

/// The structure that asks for a domain such as these.
[[nodiscard]] xen_domctl domain_request(unsigned nr_vcpus);

}  // namespace calls
