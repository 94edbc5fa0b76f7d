// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel's own grant table (xen/grant_table.h), of version 1 or 2: setting it up, mapping it, its entries.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <cstdint>

namespace fakexen::guest {

/// What of a grant's use an entry tells: in version 1 with the other flags, in version 2 by itself.
inline constexpr std::uint16_t grant_use_flags = GTF_reading | GTF_writing;

/// An entry of either version; what a version or a type does not have is 0.
struct GrantEntry {
    std::uint16_t flags = 0;  ///< GTF_…, without grant_use_flags
    std::uint16_t domid = 0;
    Mfn frame = 0;
    std::uint16_t page_offset = 0;
    std::uint16_t length = 0;
    std::uint16_t trans_domid = 0;
    std::uint32_t trans_ref = 0;

    friend bool operator==(const GrantEntry&, const GrantEntry&) = default;
};

// Where the kernel maps what has to do with grants: pages of its fixmap, behind shared_info and grants.cpp's two.
inline constexpr std::uint64_t grant_frames_at = 16;
inline constexpr std::uint32_t max_grant_frames = 64;
inline constexpr std::uint64_t status_frames_at = grant_frames_at + max_grant_frames;
inline constexpr std::uint64_t foreign_pages_at = 96;

[[nodiscard]] inline Va fixmap_page(const Kernel& kernel, std::uint64_t n)
{
    return kernel.shared_info_va() + n * page_size;
}

[[nodiscard]] constexpr std::uint32_t grants_per_frame(std::uint32_t version) noexcept
{
    constexpr std::uint32_t v1 = page_size / sizeof(grant_entry_v1_t);
    constexpr std::uint32_t v2 = page_size / sizeof(grant_entry_v2_t);
    return version == 1 ? v1 : v2;
}
/// Shared frames that hold so many entries.
[[nodiscard]] constexpr std::uint32_t frames_for_grants(std::uint32_t version,
                                                        std::uint32_t nr_entries) noexcept
{
    return (nr_entries + grants_per_frame(version) - 1) / grants_per_frame(version);
}
/// Status frames that go with so many shared ones.
[[nodiscard]] constexpr std::uint32_t status_frames_for(std::uint32_t nr_frames) noexcept
{
    constexpr std::uint32_t per_frame = page_size / sizeof(grant_status_t);
    return (nr_frames * grants_per_frame(2) + per_frame - 1) / per_frame;
}

/// Makes a grant table operation, whose own status counts too. @throws Panic
template <typename Request>
void grant_table_op(const Kernel& kernel, unsigned cmd, Request& request, const char* call)
{
    must(kernel.machine().hypercall(__HYPERVISOR_grant_table_op, {cmd, address_of(&request), 1}),
         call);
    if (request.status != GNTST_okay) {
        throw Panic{"%s: status %d", call, request.status};
    }
}

/// The version that Xen says the table is of.
[[nodiscard]] std::uint32_t ask_grant_version(const Kernel& kernel);
/// Nothing of the table may be mapped. @return 0 or a negative errno: EBUSY while others map what is granted
[[nodiscard]] std::int64_t set_grant_version(const Kernel& kernel, std::uint32_t version);
/// The frames the table has and may have.
[[nodiscard]] gnttab_query_size_t ask_grant_size(const Kernel& kernel);

/// Lets the table have that many frames at least, and maps these; in version 2 their status frames as well.
/// @throws Panic if it may not
void map_grant_table(Kernel& kernel, std::uint32_t nr_frames);
/// None of Xen's pages stays in the kernel's page tables.
void unmap_grant_table(Kernel& kernel);

// Entries of the mapped table. One without flags grants nothing, and is all zero for us.
[[nodiscard]] GrantEntry read_grant(const Kernel& kernel, grant_ref_t ref);
void write_grant(const Kernel& kernel, grant_ref_t ref, const GrantEntry& entry);
/// Takes a grant back. @return false while it is mapped: it has to be tried again. In version 2 nobody can map it anew then
[[nodiscard]] bool end_grant_entry(const Kernel& kernel, grant_ref_t ref);

}  // namespace fakexen::guest
