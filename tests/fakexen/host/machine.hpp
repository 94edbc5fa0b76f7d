// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine memory of a host: one sparse file of RAM frames and the M2P table, the state of each frame, the free list.
#pragma once

#include "libsr/base/fd.hpp"
#include "libsr/base/frame.hpp"
#include "tests/fakexen/host/free_frames.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fakexen {

using sr::Mfn;
using sr::page_size;
using sr::Pfn;

struct Domain;

/// What a frame may be used as: Xen's PGT_* types. While its type count is not 0 a frame keeps its type, so
/// that no frame is a page table and writable at the same time.
enum class FrameType : std::uint8_t {
    none,
    l1_table,
    l2_table,
    xen_l2_table,  ///< of a 32-bit guest's top 1 GiB, with Xen's entries in it: PGT_pae_xen_l2
    l3_table,
    l4_table,
    segment,
    writable
};

[[nodiscard]] const char* to_string(FrameType type) noexcept;

/// Of a page table: 1 to 4. 0 for what is none.
[[nodiscard]] constexpr unsigned level_of(FrameType type) noexcept
{
    switch (type) {
    case FrameType::l1_table:
        return 1;
    case FrameType::l2_table:
    case FrameType::xen_l2_table:
        return 2;
    case FrameType::l3_table:
        return 3;
    case FrameType::l4_table:
        return 4;
    case FrameType::none:
    case FrameType::segment:
    case FrameType::writable:
        break;
    }
    return 0;
}

[[nodiscard]] constexpr bool is_table(FrameType type) noexcept
{
    return level_of(type) != 0;
}

/// What Xen keeps in struct page_info.
struct FrameState {
    Domain* owner = nullptr;       ///< null while free
    std::uint32_t references = 0;  ///< one is the allocation's, until the frame is given back
    std::uint32_t type_count = 0;
    std::int32_t linear_count =
        0;  ///< > 0: has linear entries, < 0: is used as one (self-maps of other tables)
    FrameType type =
        FrameType::none;  ///< kept at type count 0: a de-validated table still shows what it was
    bool validated = false;
    bool pinned = false;
    bool allocated = false;  ///< the allocation's reference is there (PGC_allocated)
    bool xen_heap = false;   ///< Xen's own page shared with the owner: shared_info, grant table
};

/// A 32-bit guest sees this much of the compat M2P, at 0xf5800000 to 0xffe00000.
inline constexpr std::uint64_t compat_m2p_visible_entries = (0xffe0'0000 - 0xf580'0000) / 4;

/// M2P entries without a guest frame behind them.
inline constexpr std::uint64_t invalid_m2p_entry = ~std::uint64_t{0};

/// Machine frames of different hosts must never be equal by chance.
struct MachineConfig {
    std::uint64_t nr_frames = 0;
    std::uint64_t first_mfn = 0;
    std::uint64_t seed = 0;
    std::uint64_t shuffle_run = 1;  ///< frames that stay together when they are shuffled
    bool resident = false;          ///< take all memory at once, and keep it
};

/// The machine: RAM frames first_mfn..max_mfn, and the two M2P tables in frames beyond any of them: entries of 8 octets,
/// then the compat M2P for 32-bit guests, of 4 octets.
class Machine {
public:
    /// @throws Error{io} if the memory file cannot be made
    explicit Machine(const MachineConfig& config);
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    [[nodiscard]] int memory_fd() const noexcept { return file_.get(); }
    [[nodiscard]] std::uint64_t file_size() const noexcept
    {
        return compat_m2p_file_offset() + compat_m2p_size_;
    }
    [[nodiscard]] std::uint64_t first_mfn() const noexcept { return config_.first_mfn; }
    [[nodiscard]] std::uint64_t nr_frames() const noexcept { return config_.nr_frames; }
    /// The highest RAM frame. XENMEM_maximum_ram_page is one more, a count, whatever its name says.
    [[nodiscard]] std::uint64_t max_mfn() const noexcept
    {
        return config_.first_mfn + config_.nr_frames - 1;
    }
    [[nodiscard]] std::uint64_t nr_free() const noexcept { return free_.count(); }

    [[nodiscard]] bool is_ram(Mfn mfn) const noexcept
    {
        return mfn.number() >= first_mfn() && mfn.number() <= max_mfn();
    }
    [[nodiscard]] std::uint64_t m2p_first_mfn() const noexcept { return m2p_first_mfn_; }
    [[nodiscard]] std::uint64_t m2p_nr_frames() const noexcept { return m2p_size_ / page_size; }
    [[nodiscard]] std::uint64_t m2p_file_offset() const noexcept { return m2p_offset_; }
    [[nodiscard]] bool is_m2p(Mfn mfn) const noexcept
    {
        return mfn.number() - m2p_first_mfn_ < m2p_nr_frames() + compat_m2p_nr_frames();
    }
    /// The compat M2P follows the other in frame numbers and in the file.
    [[nodiscard]] std::uint64_t compat_m2p_first_mfn() const noexcept
    {
        return m2p_first_mfn_ + m2p_nr_frames();
    }
    [[nodiscard]] std::uint64_t compat_m2p_nr_frames() const noexcept
    {
        return compat_m2p_size_ / page_size;
    }
    [[nodiscard]] std::uint64_t compat_m2p_file_offset() const noexcept
    {
        return m2p_offset_ + m2p_size_;
    }

    /// State of a RAM frame; mfn must be one.
    [[nodiscard]] FrameState& frame(Mfn mfn) { return frames_.at(mfn.number() - first_mfn()); }
    [[nodiscard]] const FrameState& frame(Mfn mfn) const
    {
        return frames_.at(mfn.number() - first_mfn());
    }
    /// Offset in the memory file of a RAM or M2P frame.
    [[nodiscard]] std::uint64_t file_offset(Mfn mfn) const noexcept;
    /// The 4096 octets of a RAM frame. Others write them as we look: copy before checking.
    [[nodiscard]] std::span<std::byte> contents(Mfn mfn) const;
    /// A RAM frame as 512 page-table entries.
    [[nodiscard]] std::span<std::uint64_t> entries(Mfn mfn) const;

    /// A structure of a guest's memory in place, such as shared_info. Others write it as we look.
    /// @param offset of the structure in the frame; it must fit in there
    template <typename T>
    [[nodiscard]] T& structure(Mfn mfn, std::size_t offset = 0) const
    {
        void* at = contents(mfn).subspan(offset, sizeof(T)).data();
        return *static_cast<T*>(at);
    }

    [[nodiscard]] std::uint64_t m2p(Mfn mfn) const;
    void set_m2p(Mfn mfn, std::uint64_t pfn);
    /// The entry of the compat M2P, for a mfn that is in it.
    [[nodiscard]] std::uint32_t compat_m2p(Mfn mfn) const { return compat_m2p_entry(mfn); }

    /// Takes a free frame; its contents are whatever they were. Nothing when memory is short.
    [[nodiscard]] std::optional<Mfn> take_free() { return take_free_extent(0); }
    /// The first of 2^order free frames in a row.
    [[nodiscard]] std::optional<Mfn> take_free_extent(unsigned order);
    void give_back(Mfn mfn);
    /// Hands free frames out in the order of a new machine again.
    void rewind_free() noexcept { free_.rewind(); }
    /// Gives the file's storage of free frames back to the kernel, which reads them as zeros from then on. Of a machine
    /// that is resident nothing is given back, and frames keep what was in them.
    void scrub_free();

private:
    [[nodiscard]] std::uint64_t& m2p_entry(Mfn mfn) const;
    [[nodiscard]] std::uint32_t& compat_m2p_entry(Mfn mfn) const;

    MachineConfig config_;
    std::uint64_t m2p_offset_;
    std::uint64_t m2p_size_;
    std::uint64_t compat_m2p_size_;
    std::uint64_t m2p_first_mfn_;
    sr::Fd file_;
    std::byte* mapped_ = nullptr;
    std::vector<FrameState> frames_;
    FreeFrames free_;
};

}  // namespace fakexen
