// SPDX-License-Identifier: LGPL-2.1-or-later
// Which page tables of a guest are in use, where the hypervisor does not say so itself.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/base/sparse_array.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/normalise.hpp"
#include "libsr/mem/page_type.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sr {

/// Follows the page tables of a guest that stands still from those that it pinned and those that its
/// vCPUs run on.
///
/// Xen keeps the type of a table that it no longer vouches for, and before 4.16 reports it: as what
/// the page was last. A table that it does vouch for is held by a pin, by a vCPU's cr3 or cr1, or by
/// an entry of another such table: so one that nothing leads to is ordinary memory.
///
/// Memory: an octet for each of 512 pages around every table.
class TableReach {
public:
    /// @param highest  the guest's highest pfn; others are not noted
    TableReach(const GuestAbi& abi, Pfn highest);

    /// What the hypervisor says of a page. Every page is noted before the first root is added.
    void note(Pfn pfn, PageType type);
    /// A vCPU runs on this table.
    void add_root(Pfn pfn);

    /// Moves up to `max` tables whose entries are to be looked at into `tables`.
    /// @return false once there is none: everything in use was reached
    [[nodiscard]] bool take(std::size_t max, std::vector<Pfn>& tables);

    /// Looks through one of these. An entry that is not present, or names no table of the guest's,
    /// leads nowhere; whether it may be there is not asked here.
    ///
    /// @param octets      the table's contents; each entry is read once
    /// @param compat_m2p  as for xen_slots_of()
    template <MfnToPfn Translator>
    void look(Pfn table, TableOctets octets, std::optional<Mfn> compat_m2p,
              const Translator& translator)
    {
        const unsigned level = level_of(table);
        const TableEntries entries = copy_entries(octets);
        const SlotRange xen = xen_slots_of(entries, level, *abi_, compat_m2p);
        for (unsigned slot = 0; slot < entries_per_table; ++slot) {
            const Pte<Mfn> entry{entries[slot]};
            if (!entry.present() || xen.contains(slot)) {
                continue;
            }
            if (const PfnOrWhy found = translator.pfn_of(entry.frame())) {
                reach_from(level, found.pfn);
            }
        }
    }

    /// The type of a page that was noted with the type `reported`: that, or NOTAB for a table that
    /// is not in use.
    [[nodiscard]] PageType type_in_use(Pfn pfn, PageType reported) const noexcept
    {
        return is_table(reported) && !is_reached(pfn) ? PageType::notab : reported;
    }

    /// Calls fn(Pfn) for each table that is not in use, in rising order.
    template <typename Fn>
    void for_each_stale(Fn&& fn) const
    {
        tables_.for_each([&](std::uint64_t pfn, std::uint8_t table) {
            if ((table & reached_bit) == 0) {
                fn(Pfn{pfn});
            }
        });
    }

    [[nodiscard]] std::uint64_t nr_tables() const noexcept { return nr_tables_; }
    [[nodiscard]] std::uint64_t nr_stale() const noexcept { return nr_tables_ - nr_reached_; }

private:
    static constexpr std::uint8_t level_mask = 0x07;
    static constexpr std::uint8_t reached_bit = 0x08;

    [[nodiscard]] unsigned level_of(Pfn pfn) const noexcept
    {
        return tables_.find(pfn.number()) & level_mask;
    }
    [[nodiscard]] bool is_reached(Pfn pfn) const noexcept
    {
        return (tables_.find(pfn.number()) & reached_bit) != 0;
    }
    void reach(Pfn pfn);
    void reach_from(unsigned level, Pfn pfn);

    const GuestAbi* abi_;
    SparseArray<std::uint8_t>
        tables_;  ///< level, and whether it was reached; 0 for what is no table
    std::vector<Pfn> to_look_at_;
    std::uint64_t nr_tables_ = 0;
    std::uint64_t nr_reached_ = 0;
};

}  // namespace sr
