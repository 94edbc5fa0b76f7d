// SPDX-License-Identifier: LGPL-2.1-or-later
// The vCPU records of a stream, kept until the domain's memory is complete.
#pragma once

#include "libsr/base/bytes.hpp"
#include "libsr/wire/decode.hpp"

#include <cstdint>
#include <map>
#include <span>

namespace sr {

/// What the stream says of one vCPU. The last record of a kind wins, as in a live stream.
struct VcpuBlobs {
    Octets basic;
    Octets extended;
    Octets xsave;
    Octets msrs;
};

/// By vCPU id. Bounded: ids are below the domain's number, blobs by limits.hpp.
class VcpuRecords {
public:
    /// @param nr_vcpus  vCPUs the domain has
    VcpuRecords(GuestWidth width, std::uint32_t nr_vcpus) noexcept
        : width_{width}, nr_vcpus_{nr_vcpus}
    {
    }

    /// @throws Error{malformed} on a bad record, or an id that the domain does not have
    void apply(RecordType type, std::span<const std::byte> body);

    [[nodiscard]] const std::map<std::uint32_t, VcpuBlobs>& all() const noexcept { return vcpus_; }

private:
    GuestWidth width_;
    std::uint32_t nr_vcpus_;
    std::map<std::uint32_t, VcpuBlobs> vcpus_;
};

}  // namespace sr
