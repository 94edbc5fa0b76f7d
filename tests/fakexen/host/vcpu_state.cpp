// SPDX-License-Identifier: LGPL-2.1-or-later
// xsave areas and MSRs: what Xen checks before it takes them.
#include "tests/fakexen/host/vcpu_state.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fakexen {
namespace {

std::uint64_t load(std::span<const std::byte> from, std::size_t offset)
{
    std::uint64_t value = 0;
    std::memcpy(&value, from.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

bool is_valid_xcr0(std::uint64_t features)
{
    const bool avx_without_sse = (features & xsave::avx) != 0 && (features & xsave::sse) == 0;
    return (features & xsave::x87) != 0 && !avx_without_sse;
}

/// What Xen asks of an area: features that nest and that the host has, and a clean header. 0 or -errno.
int check_area(std::uint64_t xcr0, std::uint64_t accumulated, std::uint64_t host_features,
               std::span<const std::byte> area)
{
    const auto header = area.subspan(xsave::legacy_size, 64);
    if ((load(header, 0) & ~accumulated) != 0 || (xcr0 & ~accumulated) != 0 ||
        !is_valid_xcr0(xcr0) || !is_valid_xcr0(accumulated)) {
        return -EINVAL;
    }
    if ((accumulated & ~host_features) != 0 || load(header, 8) != 0) {
        return -EOPNOTSUPP;
    }
    const bool clean = std::all_of(header.begin() + 16, header.end(),
                                   [](std::byte octet) { return octet == std::byte{0}; });
    return clean ? 0 : -EIO;
}

}  // namespace

std::vector<std::byte> XsaveState::blob() const
{
    std::vector<std::byte> blob(size());
    std::memcpy(blob.data(), &xcr0_, sizeof xcr0_);
    std::memcpy(blob.data() + sizeof xcr0_, &accumulated_, sizeof accumulated_);
    std::copy(area_.begin(), area_.end(), blob.begin() + xsave::head_size);
    return blob;
}

int XsaveState::set(std::span<const std::byte> blob, std::uint64_t host_features)
{
    if (blob.size() < xsave::head_size || blob.size() > xsave::blob_size(host_features)) {
        return -EINVAL;
    }
    const std::uint64_t xcr0 = load(blob, 0);
    const std::uint64_t accumulated = load(blob, sizeof xcr0);
    const auto area = blob.subspan(xsave::head_size);
    if (accumulated == 0 ? xcr0 != 0 : area.size() < xsave::area_min_size) {
        return -EINVAL;
    }
    if (accumulated != 0) {
        if (const int error = check_area(xcr0, accumulated, host_features, area); error != 0) {
            return error;
        }
    }
    if (area.empty()) {
        return 0;  // nothing to restore, and what there was stays
    }
    if (blob.size() != xsave::blob_size(accumulated)) {
        return -EINVAL;
    }
    xcr0_ = xcr0;
    accumulated_ = accumulated;
    area_.assign(area.begin(), area.end());
    return 0;
}

std::span<const std::uint32_t> MsrState::known() noexcept
{
    // SPEC_CTRL, MISC_FEATURES_ENABLES, TSC_AUX, DR0_ADDRESS_MASK, DR1..3_ADDRESS_MASK
    static constexpr std::array<std::uint32_t, 7> indices = {
        0x48, 0x140, 0xc0000103, 0xc0011027, 0xc0011019, 0xc001101a, 0xc001101b};
    return indices;
}

int MsrState::set(std::uint32_t index, std::uint64_t value)
{
    const auto indices = known();
    if (std::find(indices.begin(), indices.end(), index) == indices.end()) {
        return -EINVAL;
    }
    values_[index] = value;
    return 0;
}

std::uint64_t MsrState::get(std::uint32_t index) const
{
    const auto at = values_.find(index);
    return at == values_.end() ? 0 : at->second;
}

}  // namespace fakexen
