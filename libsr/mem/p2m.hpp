// SPDX-License-Identifier: LGPL-2.1-or-later
// phys-to-machine tables: a running guest's own, and the one that a restore builds.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/base/frame.hpp"
#include "libsr/base/sparse_array.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/load_once.hpp"
#include "libsr/mem/m2p.hpp"
#include "libsr/mem/page_type.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// The p2m that a PV guest keeps in its own memory, seen through a mapping of its leaf frames.
///
/// Entries are guest memory: any number may stand there, and change. Each is read once per
/// question.
class GuestP2m {
public:
    /// @param leaves   the leaf frames in order of the pfns they cover, mapped one behind the
    /// other; outlives this view
    /// @param highest  the highest pfn; `leaves` covers it (P2mLayout::highest)
    /// @throws Error{internal} if it does not
    GuestP2m(const GuestAbi& abi, std::span<const std::byte> leaves, Pfn highest);

    [[nodiscard]] Pfn highest() const noexcept { return highest_; }

    /// The machine frame of a pfn. None where the guest says INVALID, marks the entry as another
    /// domain's frame or an identity mapping, or the pfn is past highest().
    [[nodiscard]] std::optional<Mfn> mfn_of(Pfn pfn) const
    {
        if (pfn > highest_) {
            return std::nullopt;
        }
        const std::uint64_t entry = load_entry(static_cast<std::size_t>(pfn.number()));
        if ((entry & not_a_frame_) != 0) {
            return std::nullopt;  // INVALID is all ones, so it has the marker bits too
        }
        return Mfn{entry};
    }

private:
    [[nodiscard]] std::uint64_t load_entry(std::size_t index) const
    {
        return is_long64_ ? load_once<std::uint64_t>(leaves_, index * 8)
                          : load_once<std::uint32_t>(leaves_, index * 4);
    }

    std::span<const std::byte> leaves_;
    Pfn highest_;
    std::uint64_t not_a_frame_;
    bool is_long64_;
};

/// Why a machine frame has no pfn in the guest.
enum class NoPfn : std::uint8_t {
    none,           ///< it has one
    no_m2p_entry,   ///< Xen's M2P has no entry for the frame: no such memory, or nobody's
    past_p2m,       ///< M2P names a pfn past the guest's highest
    p2m_disagrees,  ///< the guest's p2m has another frame at that pfn: the frame is another
                    ///< domain's, or the guest is at work
};

/// "is not in the M2P", …: the end of a sentence whose subject is the mfn.
[[nodiscard]] const char* to_string(NoPfn why) noexcept;

/// The answer to "which pfn is this?".
struct PfnOrWhy {
    Pfn pfn{0};  ///< the pfn; or what M2P said, where that much is known
    NoPfn why = NoPfn::none;
    [[nodiscard]] explicit operator bool() const noexcept { return why == NoPfn::none; }
};

/// Machine frames to pfns of one guest, believed only when M2P and p2m say the same.
class FrameTranslator {
public:
    /// Views both, which outlive it.
    FrameTranslator(const M2p& m2p, const GuestP2m& p2m) noexcept : m2p_{&m2p}, p2m_{&p2m} {}

    [[nodiscard]] PfnOrWhy pfn_of(Mfn mfn) const
    {
        const std::optional<Pfn> pfn = m2p_->pfn_of(mfn);
        if (!pfn) {
            return {Pfn{0}, NoPfn::no_m2p_entry};
        }
        if (*pfn > p2m_->highest()) {
            return {*pfn, NoPfn::past_p2m};
        }
        if (p2m_->mfn_of(*pfn) != mfn) {
            return {*pfn, NoPfn::p2m_disagrees};
        }
        return {*pfn, NoPfn::none};
    }

    /// Says that pfn_of(mfn) will be asked soon.
    void prefetch(Mfn mfn) const noexcept { m2p_->prefetch(mfn); }

    /// pfn_of(), or an exception. @param what  "frame 3 of vcpu 1's GDT"; @throws Error{guest}
    /// naming it, the mfn and why
    [[nodiscard]] Pfn require_pfn(Mfn mfn, const char* what) const;

    [[nodiscard]] const GuestP2m& p2m() const noexcept { return *p2m_; }

private:
    const M2p* m2p_;
    const GuestP2m* p2m_;
};

/// The p2m and the types of a domain that is being restored. Sparse, because pfns come from a
/// stream: memory is taken near pfns that were stored, up to a bound.
class RestoreP2m {
public:
    /// The highest pfn that P2M_FRAMES can name.
    static constexpr Pfn highest_of_all{0xffff'ffff};
    /// Bound of each of the two tables: an 8 TiB guest's p2m of frames.
    static constexpr std::size_t max_octets = std::size_t{1} << 34;

    /// @param highest  the highest pfn so far; until P2M_FRAMES was read there is none
    explicit RestoreP2m(const GuestAbi& abi, std::optional<Pfn> highest = std::nullopt);

    /// The highest pfn the domain may have; none before P2M_FRAMES.
    [[nodiscard]] std::optional<Pfn> highest() const noexcept { return highest_; }
    /// P2M_FRAMES named a higher one; a lower one changes nothing. @throws Error{limit} past
    /// highest_of_all
    void raise_highest(Pfn highest);
    /// It is again what highest() said before. Frames past it are still there to be given back.
    void restore_highest(std::optional<Pfn> highest) noexcept { highest_ = highest; }
    /// True if pfn is one that the domain may have.
    [[nodiscard]] bool may_have(Pfn pfn) const noexcept { return highest_ && pfn <= *highest_; }

    [[nodiscard]] std::optional<Mfn> mfn_of(Pfn pfn) const noexcept
    {
        const std::uint64_t mfn = mfns_.find(pfn.number());
        return mfn == no_mfn ? std::nullopt : std::optional{Mfn{mfn}};
    }
    /// The domain got a frame. @throws Error{malformed} past highest(), Error{limit} past
    /// max_octets or if the mfn does not fit an entry of the guest's p2m
    void set_mfn(Pfn pfn, Mfn mfn);
    /// The frame was given back.
    void forget_mfn(Pfn pfn) noexcept { mfns_.erase(pfn.number()); }

    /// The type the stream named last; none if it never did.
    [[nodiscard]] std::optional<PageType> type_of(Pfn pfn) const noexcept
    {
        const std::uint8_t type = types_.find(pfn.number());
        return type == no_type ? std::nullopt : page_type_from_wire(type);
    }
    /// @throws Error{malformed} past highest(), Error{limit} past max_octets
    void set_type(Pfn pfn, PageType type);
    /// A type that type_of() gave once is that of a pfn again, or none is.
    void restore_type(Pfn pfn, std::optional<PageType> type) noexcept
    {
        types_.replace(pfn.number(), type ? static_cast<std::uint8_t>(to_wire(*type)) : no_type);
    }

    /// fn(Pfn, Mfn) for every pfn that has a frame, in rising order.
    template <typename Fn>
    void for_each_frame(Fn&& fn) const
    {
        mfns_.for_each([&](std::uint64_t pfn, std::uint64_t mfn) { fn(Pfn{pfn}, Mfn{mfn}); });
    }
    /// fn(Pfn, PageType) for every pfn that has a type, in rising order.
    template <typename Fn>
    void for_each_type(Fn&& fn) const
    {
        types_.for_each([&](std::uint64_t pfn, std::uint8_t type) {
            fn(Pfn{pfn}, static_cast<PageType>(type));
        });
    }

    /// Writes the entries of the guest's leaf frame number `leaf` (P2M_FRAMES, from 0) over those that
    /// the stream brought: mfns, and where there is no frame INVALID. An entry that says "identity"
    /// for its own pfn stays, as that means the same on any host; so do entries past highest().
    void encode_leaf(std::uint64_t leaf, std::span<std::byte, page_size> to) const;

private:
    static constexpr std::uint64_t no_mfn = ~std::uint64_t{0};
    static constexpr std::uint8_t no_type = 0xff;

    void require(Pfn pfn) const;

    const GuestAbi* abi_;
    std::optional<Pfn> highest_;
    SparseArray<std::uint64_t> mfns_;
    SparseArray<std::uint8_t> types_;
};

/// The frame of a pfn that a restore is about to hand to Xen or write to, which the stream must
/// have sent with this type, pinned or not.
/// @param what  "vcpu 1 cr3"; @throws Error{malformed} naming it and the pfn: past the end, never
/// sent, of another type, no frame
[[nodiscard]] Mfn require_mfn(const RestoreP2m& p2m, Pfn pfn, PageType type, const char* what);

/// The machine frames of the guest's own p2m leaves, whose pfns P2M_FRAMES named: each an ordinary
/// page that the stream sent.
/// @throws Error{malformed} naming the leaf
[[nodiscard]] std::vector<Mfn> p2m_frame_mfns(std::span<const Pfn> leaves, const RestoreP2m& p2m);

}  // namespace sr
