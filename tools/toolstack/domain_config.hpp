// SPDX-License-Identifier: LGPL-2.1-or-later
// What a domain is made from, and its form in an xl save file: libxl's JSON configuration.
#pragma once

#include "tools/toolstack/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sr {

enum class GuestKind : std::uint8_t { pv, pvh, hvm };

/// "pv", "pvh", "hvm": libxl's words.
[[nodiscard]] const char* to_string(GuestKind type) noexcept;

/// The part of a domain's configuration that a domain without devices needs.
struct DomainConfig {
    GuestKind type = GuestKind::pv;
    std::string name;
    Uuid uuid;
    std::uint64_t max_memory_kib = 0;     ///< the guest can never own more
    std::uint64_t target_memory_kib = 0;  ///< what its balloon driver aims at
    unsigned max_vcpus = 1;
    std::vector<bool> vcpu_online;  ///< as many as max_vcpus
    bool msr_relaxed = false;
    std::optional<unsigned> max_grant_version;      ///< none: the host's default
    std::optional<std::uint32_t> max_grant_frames;  ///< likewise
};

/// Parses libxl's JSON (of an xl save file, or of `xl create --dump`). Members that are not needed
/// are ignored; a NUL at the end, as xl writes it, too.
/// @throws Error{malformed} on text that is not JSON, values of the wrong kind, no name, no memory,
/// no
///         vCPU or more than 8192, online vCPUs out of range
[[nodiscard]] DomainConfig parse_domain_config(std::string_view json_text);

/// libxl's own configuration of a domain, devices and all, with what may have changed since it was
/// written (name, UUID, memory, vCPUs) as `config` has it.
/// @throws Error{malformed} if `libxl_text` is not JSON with both of its sections
[[nodiscard]] std::string updated_json_text(std::string_view libxl_text,
                                            const DomainConfig& config);

/// The same as libxl writes it: indented JSON, without a NUL.
[[nodiscard]] std::string to_json_text(const DomainConfig& config);

}  // namespace sr
