// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a vCPU that travel as blobs of their own: extended context, xsave area, MSRs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace fakexen {

/// The features a host's xsave has, and the size of an uncompressed area with some of them.
/// Intel SDM vol. 1, "Managing State Using the XSAVE Feature Set".
namespace xsave {
inline constexpr std::uint64_t x87 = 1U << 0;
inline constexpr std::uint64_t sse = 1U << 1;
inline constexpr std::uint64_t avx = 1U << 2;
/// What a host has unless it is started with --no-xsave.
inline constexpr std::uint64_t usual_features = x87 | sse | avx;
inline constexpr std::size_t legacy_size = 512;
inline constexpr std::size_t area_min_size = legacy_size + 64;
inline constexpr std::size_t avx_size = 256;
inline constexpr std::size_t head_size =
    2 * sizeof(std::uint64_t);  ///< xcr0, xcr0_accum before the area

/// Octets of head and area for a vCPU that has used `features`; 0 means it never used xsave.
[[nodiscard]] constexpr std::size_t blob_size(std::uint64_t features) noexcept
{
    if (features == 0) {
        return head_size;
    }
    return head_size + area_min_size + ((features & avx) != 0 ? avx_size : 0);
}
}  // namespace xsave

/// XEN_DOMCTL_{get,set}vcpuextstate.
class XsaveState {
public:
    /// The blob as getvcpuextstate writes it.
    [[nodiscard]] std::vector<std::byte> blob() const;

    /// Takes a blob, all or nothing. @return 0 or -errno as Xen's setvcpuextstate
    [[nodiscard]] int set(std::span<const std::byte> blob, std::uint64_t host_features);

    [[nodiscard]] std::size_t size() const noexcept { return xsave::blob_size(accumulated_); }

private:
    std::uint64_t xcr0_ = 0;
    std::uint64_t accumulated_ = 0;
    std::vector<std::byte> area_;
};

/// XEN_DOMCTL_{get,set}_vcpu_msrs: the MSRs that travel with a PV vCPU.
class MsrState {
public:
    /// MSRs that Xen 4.17 sends, in its order.
    [[nodiscard]] static std::span<const std::uint32_t> known() noexcept;
    /// What Xen 4.17 answers when asked for the most there may be.
    static constexpr std::uint32_t announced_max = 7;

    /// @return 0, or -EINVAL for an MSR that does not travel
    [[nodiscard]] int set(std::uint32_t index, std::uint64_t value);
    /// 0 where it was never set; zero values do not travel.
    [[nodiscard]] std::uint64_t get(std::uint32_t index) const;

private:
    std::map<std::uint32_t, std::uint64_t> values_;
};

}  // namespace fakexen
