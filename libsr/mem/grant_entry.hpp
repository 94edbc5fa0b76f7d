// SPDX-License-Identifier: LGPL-2.1-or-later
// The entries of a guest's grant table, of version 1 and of version 2, as one type.
//
// Layouts, flags and their meaning: xen/include/public/grant_table.h. A guest writes its entries while it runs, so what is
// decoded here is a copy.
#pragma once

#include "libsr/base/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sr {

/// A domain's table is of one version, which the guest chooses and may change.
enum class GrantVersion : std::uint8_t { v1 = 1, v2 = 2 };

/// The version with this number, if there is one.
[[nodiscard]] constexpr std::optional<GrantVersion> grant_version_of(std::uint32_t number) noexcept
{
    if (number != 1 && number != 2) {
        return std::nullopt;
    }
    return static_cast<GrantVersion>(number);
}

[[nodiscard]] constexpr std::uint32_t number_of(GrantVersion version) noexcept
{
    return static_cast<std::uint32_t>(version);
}

/// What an entry grants: bits 1:0 of its flags (GTF_type_mask).
enum class GrantKind : std::uint8_t {
    invalid = 0,          ///< nothing
    permit_access = 1,    ///< its domain may map the frame, or a copy within it
    accept_transfer = 2,  ///< its domain may give a frame away to the guest
    transitive = 3,       ///< version 2: its domain may use an entry of a third domain
};

/// "invalid", "access", "transfer" or "transitive".
[[nodiscard]] const char* to_string(GrantKind kind) noexcept;

/// Flags of an entry (GTF_*) that mean something to us.
namespace grant_flag {
inline constexpr std::uint16_t kind_mask = 0x3;
inline constexpr std::uint16_t read_only = 1U << 2;           ///< access and transitive
inline constexpr std::uint16_t reading = 1U << 3;             ///< the same; version 1, by Xen
inline constexpr std::uint16_t writing = 1U << 4;             ///< the same; version 1, by Xen
inline constexpr std::uint16_t sub_page = 1U << 8;            ///< access, version 2
inline constexpr std::uint16_t transfer_committed = 1U << 2;  ///< transfer, written by Xen
inline constexpr std::uint16_t transfer_completed = 1U << 3;  ///< transfer, written by Xen
inline constexpr std::uint16_t status_mask = reading | writing;
}  // namespace grant_flag

/// One entry. F is what its frame counts in: a Gfn in the guest's table, a Pfn in a stream.
template <typename F>
struct GrantEntryOf {
    /// The part of a page to which access is limited.
    struct SubPage {
        std::uint16_t offset;
        std::uint16_t length;
        friend constexpr bool operator==(const SubPage&, const SubPage&) noexcept = default;
    };
    /// Another domain's entry, of which the access is passed on.
    struct Source {
        std::uint16_t domid;
        std::uint32_t ref;
        friend constexpr bool operator==(const Source&, const Source&) noexcept = default;
    };

    GrantVersion version = GrantVersion::v1;  ///< of its table: what the flags mean
    std::uint32_t ref = 0;                    ///< its index there
    std::uint16_t flags = 0;  ///< as they stand there, bits that mean nothing included
    std::uint16_t domid = 0;  ///< to whom
    /// Version 2: GTF_reading and GTF_writing, which stand in a table of their own; 0 where that was not looked at. Version 1
    /// has them in flags.
    std::uint16_t status = 0;
    std::optional<F> frame{};  ///< access and transfer; in a stream only if it is the guest's
    std::optional<SubPage> sub_page{};
    std::optional<Source> source{};  ///< transitive, version 2

    [[nodiscard]] constexpr GrantKind kind() const noexcept
    {
        return static_cast<GrantKind>(flags & grant_flag::kind_mask);
    }
    /// Others may use memory by it: the flags mean what they mean for access.
    [[nodiscard]] constexpr bool shares() const noexcept
    {
        return kind() == GrantKind::permit_access || kind() == GrantKind::transitive;
    }
    /// A frame is what it grants, or what was transferred. Before that a transfer is of none, whatever stands there.
    [[nodiscard]] constexpr bool is_of_a_frame() const noexcept
    {
        return kind() == GrantKind::permit_access ||
               (kind() == GrantKind::accept_transfer &&
                (flags & grant_flag::transfer_completed) != 0);
    }
    [[nodiscard]] constexpr bool names_frame() const noexcept
    {
        return is_of_a_frame() && frame.has_value();
    }
    [[nodiscard]] constexpr bool read_only() const noexcept
    {
        return shares() && (flags & grant_flag::read_only) != 0;
    }
    /// Its domain has it mapped for reading. Version 2 has this in the status only, so that an entry that was revoked may
    /// still be in use; the flags' bits mean nothing there.
    [[nodiscard]] constexpr bool reading() const noexcept { return in_use(grant_flag::reading); }
    [[nodiscard]] constexpr bool writing() const noexcept { return in_use(grant_flag::writing); }

    friend constexpr bool operator==(const GrantEntryOf&, const GrantEntryOf&) noexcept = default;

private:
    [[nodiscard]] constexpr bool in_use(std::uint16_t flag) const noexcept
    {
        const unsigned use = version == GrantVersion::v2 ? status : shares() ? flags : 0U;
        return (use & flag) != 0;
    }
};

using GrantEntry = GrantEntryOf<Gfn>;        ///< of a domain's table
using StreamGrantEntry = GrantEntryOf<Pfn>;  ///< of a stream

/// The same entry with its frame counted otherwise: for an entry that came from a table, what normalising made of it.
template <typename G, typename F>
[[nodiscard]] constexpr GrantEntryOf<G> with_frame(const GrantEntryOf<F>& entry,
                                                   std::optional<G> frame) noexcept
{
    GrantEntryOf<G> other{.version = entry.version,
                          .ref = entry.ref,
                          .flags = entry.flags,
                          .domid = entry.domid,
                          .status = entry.status,
                          .frame = frame,
                          .sub_page = std::nullopt,
                          .source = std::nullopt};
    if (entry.sub_page) {
        other.sub_page = {entry.sub_page->offset, entry.sub_page->length};
    }
    if (entry.source) {
        other.source = {entry.source->domid, entry.source->ref};
    }
    return other;
}

/// Entries in one frame of the table: 512 of 8 octets, or 256 of 16.
[[nodiscard]] constexpr std::uint32_t grants_per_frame(GrantVersion version) noexcept
{
    return static_cast<std::uint32_t>(page_size / (version == GrantVersion::v1 ? 8U : 16U));
}

/// Entries whose status stands in one status frame: 2 octets each.
inline constexpr std::uint32_t grant_statuses_per_frame = page_size / 2;

/// Status frames that a table of so many frames has.
[[nodiscard]] constexpr std::uint32_t nr_grant_status_frames(GrantVersion version,
                                                             std::uint32_t nr_frames) noexcept
{
    if (version == GrantVersion::v1) {
        return 0;
    }
    constexpr std::uint32_t frames_each =
        grant_statuses_per_frame / grants_per_frame(GrantVersion::v2);
    return nr_frames / frames_each + (nr_frames % frames_each != 0 ? 1U : 0U);
}

/// Decodes one frame of a table and appends the entries that are not empty, in order. Empty is one without any flag and, as
/// far as that is known, without status: what else it holds is left from a grant that is over.
///
/// @param frame      a copy of the frame
/// @param first_ref  that of its first entry
/// @param status     version 2: a copy of the frame's part of the status frames, 2 octets for each entry, or empty if it is
///                   not known. Version 1 has none.
void decode_grant_frame(GrantVersion version, std::span<const std::byte, page_size> frame,
                        std::span<const std::byte> status, std::uint32_t first_ref,
                        std::vector<GrantEntry>& to);

}  // namespace sr
