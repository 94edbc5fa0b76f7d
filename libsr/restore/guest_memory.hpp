// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory of a domain that is being restored: frames as they are needed, and their mappings.
#pragma once

#include "libsr/mem/p2m.hpp"
#include "libsr/wire/decode.hpp"
#include "libsr/xen/domain.hpp"
#include "libsr/xen/foreign_mapping.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

namespace sr {

/// Gives a domain its frames. Keeps its scratch memory: a record after the first of its size allocates nothing.
class GuestMemory {
public:
    /// Borrows both. @param p2m  filled in as the domain gets frames and types
    GuestMemory(const Domain& domain, RestoreP2m& p2m)
        : domain_{domain}, p2m_{p2m}, mapper_{domain.host(), domain.domid()}
    {
    }

    /// The pages of a record: remembers their types and gives frames to those that need one and have none.
    /// @throws Error{malformed}, {limit}, {hypervisor}
    void announce(std::span<const PageEntry> entries);

    /// Remembers the type of a page, and no more. @throws Error{malformed}, {limit}
    void set_type(const PageEntry& entry);

    /// Maps pages that have frames, writable, in their order. @throws Error{hypervisor}
    [[nodiscard]] ForeignMapping map(std::span<const PageEntry> entries);

    /// Gives a frame to each of these pfns that has none; they may repeat. Sorts `pfns`.
    /// @throws Error{limit}, Error{hypervisor}
    void populate(std::vector<std::uint64_t>& pfns);

    /// pfns that have frames although the stream, in the end, says that they have none: an earlier round may have brought
    /// their contents, or tables that name them.
    struct Unused {
        std::vector<Pfn> pfns;  ///< whose frames no table names, rising
        std::uint64_t nr_named = 0;
    };
    /// Finds them. Not before the guest is whole: a live sender says "no frame" of a page that it could not send yet, too,
    /// while tables that it does not send again go on naming the frame. The stock sender may say so even at a checkpoint,
    /// and even in the end. So a frame that a table names has to stay, as it does with the stock engine: the hypervisor
    /// would refuse the table without it, and the guest with the table.
    /// @param is_rewritten  of tables that are to be written yet: whatever they hold now names nothing
    /// @throws Error{hypervisor}
    [[nodiscard]] Unused find_unused(const std::function<bool(Pfn)>& is_rewritten = {});
    /// How many there are at most: those that are named, too. Makes no calls.
    [[nodiscard]] std::uint64_t nr_unused() const;

    /// Gives frames back to the hypervisor. Nothing of the guest is mapped; their p2m entries are written later. What they
    /// hold is the guest's alone, and Xen hands it on to the next domain as it is: they are emptied before they go.
    /// @throws Error{hypervisor}
    void give_back(std::span<const Pfn> pfns);

    /// Frames that the domain has.
    [[nodiscard]] std::uint64_t nr_frames() const noexcept { return nr_frames_; }

    [[nodiscard]] RestoreP2m& p2m() noexcept { return p2m_; }
    [[nodiscard]] ForeignMapper& mapper() noexcept { return mapper_; }
    /// Pages that the stream, in the end, says are lost to a memory error come back empty, if at all: whatever the frame of
    /// one holds is emptied. It stays, because tables may name it. @return how many are lost
    /// @throws Error{hypervisor}
    [[nodiscard]] std::uint64_t empty_broken();

private:
    using FramePfns = std::unordered_map<std::uint64_t, Pfn>;  ///< by mfn

    /// Takes out of these frames those that page tables of the domain name.
    void leave_out_named(FramePfns& frames, const std::function<bool(Pfn)>& is_rewritten);
    /// Zeroes frames of the domain.
    void empty(std::span<const std::uint64_t> mfns);
    void count_broken(Pfn pfn);
    [[nodiscard]] bool is_unused(Pfn pfn) const noexcept;

    const Domain& domain_;
    RestoreP2m& p2m_;
    ForeignMapper mapper_;
    std::uint64_t nr_frames_ = 0;
    std::uint64_t nr_broken_ = 0;  ///< pages that became so, in their time
    // Scratch of one record.
    std::vector<std::uint64_t> wanted_;
    std::vector<std::uint64_t> mfns_;
};

}  // namespace sr
