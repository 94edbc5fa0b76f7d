// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a running PV guest keeps its p2m: found from shared_info, through tables that the guest may
// be changing.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/p2m.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sr {

/// Frames of a guest that can be read, for as long as this lives.
class FrameView {
public:
    FrameView() = default;
    FrameView(const FrameView&) = delete;
    FrameView& operator=(const FrameView&) = delete;
    virtual ~FrameView() = default;

    /// 4096 octets for each frame asked for, in that order.
    [[nodiscard]] virtual std::span<const std::byte> octets() const noexcept = 0;
};

/// A guest's memory by machine frame. The hypervisor layer maps; a test has arrays.
class GuestFrames {
public:
    GuestFrames() = default;
    GuestFrames(const GuestFrames&) = delete;
    GuestFrames& operator=(const GuestFrames&) = delete;
    virtual ~GuestFrames() = default;

    /// @throws Error if any of them is no frame of the guest's
    [[nodiscard]] virtual std::unique_ptr<FrameView> view(std::span<const Mfn> mfns) = 0;
};

/// What shared_info says about the p2m, copied out of it once.
struct P2mRoots {
    std::uint64_t max_pfn;  ///< a count of pfns
    std::uint64_t frame_list_list;
    std::uint64_t cr3;  ///< 0: the guest has no linear list
    std::uint64_t vaddr;
};

/// Reads them. @param shared_info  the page, mapped or copied
[[nodiscard]] P2mRoots read_p2m_roots(std::span<const std::byte> shared_info, const GuestAbi& abi);

enum class P2mKind : std::uint8_t { linear_list, frame_list_tree };

/// "linear list", "3-level tree".
[[nodiscard]] const char* to_string(P2mKind kind) noexcept;

/// A guest's p2m, as found.
struct P2mLayout {
    P2mKind kind;
    Pfn highest;              ///< what the leaves cover, and no more than shared_info claims
    std::vector<Mfn> leaves;  ///< leaf frames in order of the pfns they cover
};

/// Finds the p2m.
///
/// A guest may say that it has room for far more pfns than it has memory, with its missing leaves
/// all one shared frame. Such a tail is cut off, by the stock engine's measure so that streams
/// agree: whole L1 tables of the linear list, if there are at least two of them; whole entries of
/// the frame list list but for the first.
///
/// @param roots       as read from shared_info
/// @param frames      the guest's memory
/// @param nr_mfns     machine frames of the host: M2p::nr_entries()
/// @throws Error{guest} if the guest's tables make no sense, naming address or index and what
/// stands there; Error{limit} past 2^32
///         pfns, more than the stream can name; what frames.view() throws. Takes 8 octets a leaf,
///         and views 256 frames at most.
[[nodiscard]] P2mLayout discover_p2m(const GuestAbi& abi, const P2mRoots& roots,
                                     GuestFrames& frames, std::uint64_t nr_mfns);

/// The pfns of the leaf frames: what X86_PV_P2M_FRAMES carries.
/// @throws Error{guest} naming the leaf whose frame is not the guest's own
[[nodiscard]] std::vector<Pfn> p2m_frame_pfns(const P2mLayout& layout,
                                              const FrameTranslator& translator);

/// How many of the leaves of a linear list are left without the missing ones at its end (see
/// discover_p2m()).
///
/// The leaves of a tail that are all the same frame hold no valid entry, or several pfns would be
/// one machine frame. It is the leaf frames that are compared: the tables above may share, and
/// where the list starts says nothing.
///
/// @param vaddr  of the list, which need not be aligned to what an L1 table maps
[[nodiscard]] std::size_t leaves_without_missing_tail(std::span<const Mfn> leaves,
                                                      std::uint64_t vaddr) noexcept;

}  // namespace sr
