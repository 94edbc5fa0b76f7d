// SPDX-License-Identifier: LGPL-2.1-or-later
// Views of guest frames as foreign mappings.
#include "libsr/xen/guest_frames.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace sr {
namespace {

class MappedView final : public FrameView {
public:
    explicit MappedView(ForeignMapping mapping) noexcept : mapping_{std::move(mapping)} {}
    [[nodiscard]] std::span<const std::byte> octets() const noexcept override
    {
        return mapping_.octets();
    }

private:
    ForeignMapping mapping_;
};

}  // namespace

ForeignMapping map_frames(ForeignMapper& mapper, std::span<const Mfn> mfns, Access access)
{
    std::vector<std::uint64_t> gfns;
    gfns.reserve(mfns.size());
    std::transform(mfns.begin(), mfns.end(), std::back_inserter(gfns),
                   [](Mfn mfn) { return mfn.number(); });
    return mapper.map(gfns, access);
}

std::unique_ptr<FrameView> MappedGuestFrames::view(std::span<const Mfn> mfns)
{
    return std::make_unique<MappedView>(map_frames(mapper_, mfns, Access::read));
}

}  // namespace sr
