// SPDX-License-Identifier: LGPL-2.1-or-later
// The types of the records of a libxc stream, and their names.
#pragma once

#include <cstdint>
#include <optional>

namespace sr {

/// Set in a type whose record a reader may skip when it does not know it.
inline constexpr std::uint32_t optional_bit = 0x8000'0000;

/// Extension records of libsr, "SR" in the upper half: a reader must know them, or may skip them.
inline constexpr std::uint32_t extension_mandatory_base = 0x5352'0000;
inline constexpr std::uint32_t extension_optional_base = extension_mandatory_base | optional_bit;

/// Types that the specification names: libxc-migration-stream.pandoc, "Records", field "type"; then our own:
/// docs/stream-extensions.md.
enum class RecordType : std::uint32_t {
    end = 0x00,
    page_data = 0x01,
    x86_pv_info = 0x02,
    x86_pv_p2m_frames = 0x03,
    x86_pv_vcpu_basic = 0x04,
    x86_pv_vcpu_extended = 0x05,
    x86_pv_vcpu_xsave = 0x06,
    shared_info = 0x07,
    x86_tsc_info = 0x08,
    hvm_context = 0x09,
    hvm_params = 0x0a,
    toolstack = 0x0b,  ///< deprecated; no restorer takes it
    x86_pv_vcpu_msrs = 0x0c,
    verify = 0x0d,
    checkpoint = 0x0e,
    checkpoint_dirty_pfn_list = 0x0f,  ///< back channel only
    static_data_end = 0x10,
    x86_cpuid_policy = 0x11,
    x86_msr_policy = 0x12,
    grant_table_info = extension_optional_base | 1,
    grant_table_entries = extension_optional_base | 2,
};

/// One more than the highest type that the specification names.
inline constexpr std::uint32_t nr_record_types = 0x13;

/// Our own types: 1 to this number behind extension_optional_base.
inline constexpr std::uint32_t nr_extension_types = 2;

/// All that a RecordType can be.
inline constexpr std::uint32_t nr_known_types = nr_record_types + nr_extension_types;

/// The value on the wire.
[[nodiscard]] constexpr std::uint32_t to_wire(RecordType type) noexcept
{
    return static_cast<std::uint32_t>(type);
}

/// The named type with this value, if there is one.
[[nodiscard]] constexpr std::optional<RecordType>
record_type_from_wire(std::uint32_t value) noexcept
{
    const std::uint32_t extension = value - extension_optional_base;
    if (value >= nr_record_types && (extension == 0 || extension > nr_extension_types)) {
        return std::nullopt;
    }
    return static_cast<RecordType>(value);
}

/// Numbers the named types without gaps, those of the specification first: 0 to nr_known_types - 1.
[[nodiscard]] constexpr std::uint32_t index_of(RecordType type) noexcept
{
    const std::uint32_t value = to_wire(type);
    return value < nr_record_types ? value
                                   : nr_record_types + (value - extension_optional_base) - 1;
}

/// The reverse of index_of(), for an index below nr_known_types.
[[nodiscard]] constexpr RecordType record_type_at(std::uint32_t index) noexcept
{
    return static_cast<RecordType>(
        index < nr_record_types ? index : extension_optional_base + (index - nr_record_types) + 1);
}

[[nodiscard]] constexpr bool is_optional(std::uint32_t type) noexcept
{
    return (type & optional_bit) != 0;
}

/// True for types in the ranges of libsr's own extensions.
[[nodiscard]] constexpr bool is_extension(std::uint32_t type) noexcept
{
    return ((type & ~optional_bit) & 0xffff'0000) == extension_mandatory_base;
}

/// "PAGE_DATA", … as the specification spells it, "SR_…" for our own; "unknown" for every other value.
[[nodiscard]] const char* name_of(std::uint32_t type) noexcept;
[[nodiscard]] const char* name_of(RecordType type) noexcept;

}  // namespace sr
