// SPDX-License-Identifier: LGPL-2.1-or-later
// As what each pfn was last sent: which machine frame, and which type.
#pragma once

#include "libsr/base/frame.hpp"
#include "libsr/base/sparse_array.hpp"
#include "libsr/mem/page_type.hpp"
#include "libsr/wire/limits.hpp"

#include <cstdint>
#include <optional>

namespace sr {

/// What a reader of the stream knows of a guest that ran while it was sent. Takes 8 octets a pfn that was sent, and as
/// many for its 511 neighbours: up to a page's worth a page, of a guest that lays its pages out to that end.
class SentPages {
public:
    SentPages() : sent_{limits::pv_pfn_max, never} {}

    /// @param mfn   the frame whose contents went out; none for a pfn that has none
    /// @param type  as the stream names it
    void note(Pfn pfn, std::optional<Mfn> mfn, PageType type)
    {
        const std::uint64_t before = sent_.find(pfn.number());
        const std::uint64_t now = encoded(mfn, type);
        sent_.set(pfn.number(), now);
        nr_with_contents_ += has_contents_of(now) ? 1U : 0U;
        nr_with_contents_ -= has_contents_of(before) ? 1U : 0U;
    }

    /// True if the reader has for this pfn what stands there now: that frame, or none.
    [[nodiscard]] bool is_there(Pfn pfn, std::optional<Mfn> mfn) const noexcept
    {
        const std::uint64_t sent = sent_.find(pfn.number());
        return sent == never ? !mfn : frame_in(sent) == (mfn ? mfn->number() : no_frame);
    }

    /// The type it was sent with; none if it never was.
    [[nodiscard]] std::optional<PageType> type_of(Pfn pfn) const noexcept
    {
        const std::uint64_t sent = sent_.find(pfn.number());
        return sent == never ? std::nullopt : std::optional{type_in(sent)};
    }

    /// Pfns of which the reader has contents.
    [[nodiscard]] std::uint64_t nr_with_contents() const noexcept { return nr_with_contents_; }

    /// Calls fn(Pfn, PageType) for every pfn that was sent, in rising order.
    template <typename Fn>
    void for_each(Fn&& fn) const
    {
        sent_.for_each([&](std::uint64_t pfn, std::uint64_t sent) { fn(Pfn{pfn}, type_in(sent)); });
    }

private:
    static constexpr unsigned type_shift = 60;
    static constexpr std::uint64_t no_frame = (std::uint64_t{1} << type_shift) - 1;
    /// BROKEN without a frame, which nothing is.
    static constexpr std::uint64_t never =
        std::uint64_t{to_wire(PageType::broken)} << type_shift | no_frame;

    static std::uint64_t encoded(std::optional<Mfn> mfn, PageType type) noexcept
    {
        return std::uint64_t{to_wire(type)} << type_shift |
               ((mfn ? mfn->number() : no_frame) & no_frame);
    }
    static std::uint64_t frame_in(std::uint64_t sent) noexcept { return sent & no_frame; }
    static PageType type_in(std::uint64_t sent) noexcept
    {
        return static_cast<PageType>(sent >> type_shift);
    }
    static bool has_contents_of(std::uint64_t sent) noexcept
    {
        return sent != never && has_contents(type_in(sent));
    }

    SparseArray<std::uint64_t> sent_;
    std::uint64_t nr_with_contents_ = 0;
};

}  // namespace sr
