// SPDX-License-Identifier: LGPL-2.1-or-later
// The checked and rarer parts of p2m tables.
#include "libsr/mem/p2m.hpp"

#include "libsr/base/error.hpp"

#include <cinttypes>
#include <string>

namespace sr {

GuestP2m::GuestP2m(const GuestAbi& abi, std::span<const std::byte> leaves, Pfn highest)
    : leaves_{leaves}, highest_{highest}, not_a_frame_{abi.p2m_marker_bits()},
      is_long64_{abi.width == GuestWidth::bits64}
{
    if (highest.number() >= leaves.size() / abi.width_octets()) {
        throw Error{Errc::internal, "%zu octets of p2m do not cover pfn %#" PRIx64, leaves.size(),
                    highest.number()};
    }
}

const char* to_string(NoPfn why) noexcept
{
    switch (why) {
    case NoPfn::none:
        return "has a pfn";
    case NoPfn::no_m2p_entry:
        return "has no entry in Xen's M2P";
    case NoPfn::past_p2m:
        return "has a pfn past the end of the guest's p2m";
    case NoPfn::p2m_disagrees:
        return "is not what the guest's p2m holds at its pfn";
    }
    return "has no pfn";
}

Pfn FrameTranslator::require_pfn(Mfn mfn, const char* what) const
{
    const PfnOrWhy found = pfn_of(mfn);
    if (!found) {
        throw Error{Errc::guest, "%s: mfn %#" PRIx64 " %s", what, mfn.number(),
                    to_string(found.why)};
    }
    return found.pfn;
}

RestoreP2m::RestoreP2m(const GuestAbi& abi, std::optional<Pfn> highest)
    : abi_{&abi}, mfns_{highest_of_all.number(), no_mfn, max_octets}, types_{
                                                                          highest_of_all.number(),
                                                                          no_type, max_octets}
{
    if (highest) {
        raise_highest(*highest);
    }
}

void RestoreP2m::raise_highest(Pfn highest)
{
    if (highest > highest_of_all) {
        throw Error{Errc::limit, "pfn %#" PRIx64 " is past what P2M_FRAMES can name",
                    highest.number()};
    }
    if (!highest_ || *highest_ < highest) {
        highest_ = highest;
    }
}

void RestoreP2m::set_mfn(Pfn pfn, Mfn mfn)
{
    require(pfn);
    if ((mfn.number() & abi_->p2m_marker_bits()) != 0 || mfn.number() > abi_->invalid_frame()) {
        throw Error{Errc::limit, "mfn %#" PRIx64 " does not fit a p2m entry of %zu octets",
                    mfn.number(), abi_->width_octets()}
            .with_pfn(pfn.number());
    }
    mfns_.set(pfn.number(), mfn.number());
}

void RestoreP2m::set_type(Pfn pfn, PageType type)
{
    require(pfn);
    types_.set(pfn.number(), static_cast<std::uint8_t>(to_wire(type)));
}

void RestoreP2m::encode_leaf(std::uint64_t leaf, std::span<std::byte, page_size> to) const
{
    const std::uint64_t nr = abi_->entries_per_p2m_frame();
    const std::size_t width = abi_->width_octets();
    for (std::uint64_t at = 0; at < nr && may_have(Pfn{leaf * nr + at}); ++at) {
        const std::uint64_t pfn = leaf * nr + at;
        const Field entry{static_cast<std::size_t>(at) * width, width};
        if (const std::optional<Mfn> mfn = mfn_of(Pfn{pfn})) {
            store_field(to, entry, mfn->number());
        } else if (load_field(to, entry) != abi_->identity_entry(pfn)) {
            store_field(to, entry, abi_->invalid_frame());
        }
    }
}

void RestoreP2m::require(Pfn pfn) const
{
    if (!highest_) {
        throw Error{Errc::malformed, "pfn %#" PRIx64 " before any P2M_FRAMES", pfn.number()}
            .with_pfn(pfn.number());
    }
    if (pfn > *highest_) {
        throw Error{Errc::malformed, "pfn %#" PRIx64 " is past the highest, %#" PRIx64,
                    pfn.number(), highest_->number()}
            .with_pfn(pfn.number());
    }
}

namespace {

/// Throws what is wrong with a pfn.
[[noreturn]] void refuse_pfn(const char* what, Pfn pfn, const char* why)
{
    throw Error{Errc::malformed, "%s: pfn %#" PRIx64 " %s", what, pfn.number(), why}.with_pfn(
        pfn.number());
}

}  // namespace

Mfn require_mfn(const RestoreP2m& p2m, Pfn pfn, PageType type, const char* what)
{
    if (!p2m.may_have(pfn)) {
        refuse_pfn(what, pfn, "is past the domain's highest pfn");
    }
    const std::optional<PageType> sent = p2m.type_of(pfn);
    if (!sent) {
        refuse_pfn(what, pfn, "is not in the stream, or a hole of it");
    }
    if (without_pin(*sent) != type) {
        throw Error{Errc::malformed,
                    "%s: pfn %#" PRIx64 " is %s, not %s",
                    what,
                    pfn.number(),
                    to_string(*sent),
                    to_string(type)}
            .with_pfn(pfn.number());
    }
    const std::optional<Mfn> mfn = p2m.mfn_of(pfn);
    if (!mfn) {
        refuse_pfn(what, pfn, "has no frame");
    }
    return *mfn;
}

std::vector<Mfn> p2m_frame_mfns(std::span<const Pfn> leaves, const RestoreP2m& p2m)
{
    std::vector<Mfn> mfns;
    mfns.reserve(leaves.size());
    for (const Pfn leaf : leaves) {
        const std::string what = "p2m leaf " + std::to_string(mfns.size());
        mfns.push_back(require_mfn(p2m, leaf, PageType::notab, what.c_str()));
    }
    return mfns;
}

}  // namespace sr
