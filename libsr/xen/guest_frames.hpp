// SPDX-License-Identifier: LGPL-2.1-or-later
// A PV guest's memory by machine frame, for the pure code that walks its tables.
#pragma once

#include "libsr/mem/p2m_discovery.hpp"
#include "libsr/xen/foreign_mapping.hpp"

#include <memory>
#include <span>

namespace sr {

/// GuestFrames over read-only foreign mappings. Borrows mapper.
class MappedGuestFrames final : public GuestFrames {
public:
    explicit MappedGuestFrames(ForeignMapper& mapper) noexcept : mapper_{mapper} {}
    [[nodiscard]] std::unique_ptr<FrameView> view(std::span<const Mfn> mfns) override;

private:
    ForeignMapper& mapper_;
};

/// Maps frames that are known by mfn. @throws as ForeignMapper::map
[[nodiscard]] ForeignMapping map_frames(ForeignMapper& mapper, std::span<const Mfn> mfns,
                                        Access access);

}  // namespace sr
