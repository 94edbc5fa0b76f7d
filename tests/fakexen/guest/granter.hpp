// SPDX-License-Identifier: LGPL-2.1-or-later
// A kernel that grants pages all the time, as one with many device frontends does: --grants.
#pragma once

#include "tests/fakexen/guest/kernel.hpp"

#include <string>
#include <vector>

namespace fakexen::guest {

/// The first grant is a page that tells the peer of the others: a word a slot, slot by reference.
inline constexpr grant_ref_t directory_ref = GNTTAB_NR_RESERVED_ENTRIES;
inline constexpr std::size_t directory_slots = page_size / 8 - 1;
inline constexpr std::uint64_t directory_magic = 0x7374'6e61'7267'2121;

/// What a slot tells: 0 when there is nothing.
struct DirectorySlot {
    std::uint32_t pfn = 0;
    grant_ref_t ref = 0;
    GrantKind kind = GrantKind::none;

    [[nodiscard]] static constexpr std::size_t offset_of(std::size_t slot) noexcept
    {
        return 8 + slot * 8;  // behind the magic number
    }
    [[nodiscard]] constexpr std::uint64_t word() const noexcept
    {
        return std::uint64_t{pfn} << 32 | std::uint64_t{ref} << 8 | static_cast<std::uint8_t>(kind);
    }
    [[nodiscard]] static constexpr DirectorySlot of_word(std::uint64_t word) noexcept
    {
        return {static_cast<std::uint32_t>(word >> 32),
                static_cast<grant_ref_t>(word >> 8 & 0xff'ffff),
                static_cast<GrantKind>(word & 0xff)};
    }
};

/// How many references there are for so many grants.
[[nodiscard]] constexpr std::uint32_t nr_grant_refs(std::uint32_t nr_pages) noexcept
{
    return directory_ref + 1 + nr_pages + nr_pages / 4;
}

/// Boot: chooses the version, sets the table up, makes all grants.
void start_grants(Kernel& kernel);

/// One quantum's share: switches the version if it is to, takes grants back, makes new ones.
void work_on_grants(Kernel& kernel);

/// From now on it tries to have this version.
void order_grant_version(Kernel& kernel, std::uint32_t version);

/// The table stays with Xen; the kernel's page tables let go of it.
void suspend_grants(Kernel& kernel);

/// Chooses the version again, as if at boot, and maps the table. It is compared with what the kernel knows, and in another
/// domain, where it has to be empty, made anew. @return what is wrong with it
[[nodiscard]] std::vector<std::string> resume_grants(Kernel& kernel, bool same_domain);

/// "version 2, frames 3, grants 600, …", or nothing.
[[nodiscard]] std::string describe_grants(const Kernel& kernel);

}  // namespace fakexen::guest
