// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading grant tables: GNTTABOP_get_version, GNTTABOP_query_size, XENMEM_acquire_resource.
#include "libsr/xen/grant_table.hpp"

#include "libsr/xen/call.hpp"
#include "libsr/xen/libraries.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <sys/mman.h>
#include <utility>

namespace sr {
namespace {

/// Looks at a table whose guest switches versions meanwhile.
constexpr unsigned looks_max = 8;

/// Frames of one XENMEM_acquire_resource: hypervisors before 4.15 take no more.
constexpr std::uint32_t frames_per_call = 32;

/// @param statuses  of all frames, one after another, or empty
std::vector<GrantEntry> decode_frames(const GrantTableSize& size, std::span<const std::byte> frames,
                                      std::span<const std::byte> statuses)
{
    std::vector<GrantEntry> entries;
    const std::uint32_t per_frame = grants_per_frame(size.version);
    const std::size_t part_length = statuses.empty() ? 0 : per_frame * sizeof(grant_status_t);
    for (std::uint32_t i = 0; i < size.nr_frames; ++i) {
        decode_grant_frame(size.version,
                           frames.subspan(std::size_t{i} * page_size).first<page_size>(),
                           statuses.subspan(i * part_length, part_length), i * per_frame, entries);
    }
    return entries;
}

}  // namespace

GrantFrames::GrantFrames(GrantFrames&& other) noexcept
    : fmem_{other.fmem_}, handle_{std::exchange(other.handle_, nullptr)}, address_{other.address_},
      nr_frames_{other.nr_frames_}
{
}

GrantFrames::~GrantFrames()
{
    if (handle_ != nullptr) {
        (void)xenforeignmemory_unmap_resource(fmem_, handle_);
    }
}

std::span<const std::byte> GrantFrames::octets() const noexcept
{
    return {static_cast<const std::byte*>(address_), nr_frames_ * page_size};
}

GrantVersion GrantTable::version() const
{
    gnttab_get_version query{};
    query.dom = static_cast<domid_t>(domain_.domid());
    constexpr const char* call = "GNTTABOP_get_version";
    if (xc_gnttab_op(domain_.host().xch(), GNTTABOP_get_version, &query, sizeof(query), 1) != 0) {
        throw call_failed(call, errno, "grant table of domain %u", domain_.domid());
    }
    const auto version = grant_version_of(query.version);
    if (!version) {
        throw Error{Errc::unsupported,
                    "the grant table of domain %u is of version %" PRIu32 ", 1 and 2 are known",
                    domain_.domid(), std::uint32_t{query.version}}
            .with_call(call);
    }
    return *version;
}

GrantTableSize GrantTable::size() const
{
    const GrantVersion now = version();
    gnttab_query_size query{};
    query.dom = static_cast<domid_t>(domain_.domid());
    constexpr const char* call = "GNTTABOP_query_size";
    if (xc_gnttab_op(domain_.host().xch(), GNTTABOP_query_size, &query, sizeof(query), 1) != 0) {
        throw call_failed(call, errno, "grant table of domain %u", domain_.domid());
    }
    if (query.status != GNTST_okay) {
        throw Error{Errc::hypervisor, "grant table of domain %u: %s failed with status %d",
                    domain_.domid(), call, int{query.status}}
            .with_call(call);
    }
    return {.version = now, .nr_frames = query.nr_frames, .max_frames = query.max_nr_frames};
}

GrantTableCopy GrantTable::read(GrantStatus status)
{
    bool was_refused = false;
    for (unsigned look = 0; look < looks_max; ++look) {
        GrantTableCopy copy{.size = size(), .entries = {}};
        const GrantVersion before = copy.size.version;
        map_entries(copy.size.nr_frames);
        const Octets octets = copy_entries(copy.size.nr_frames);
        std::optional<Octets> statuses{std::in_place};
        if (before == GrantVersion::v2 && status == GrantStatus::read) {
            statuses = copy_status(copy.size.nr_frames);
        }
        const bool is_one_version = version() == before;
        if (is_one_version && statuses) {
            copy.entries = decode_frames(copy.size, octets, *statuses);
            return copy;
        }
        // A table that is of version 2 before and after was not meanwhile, unless that goes on.
        was_refused = is_one_version;
    }
    if (was_refused) {
        throw call_failed("XENMEM_acquire_resource", EINVAL,
                          "mapping status frames of the grant table of domain %u", domain_.domid());
    }
    throw Error{Errc::guest,
                "domain %u changed the version of its grant table each of the %u times that it was "
                "looked at",
                domain_.domid(), looks_max};
}

std::optional<GrantFrames> GrantTable::acquire(GrantFrames::Kind kind, std::uint32_t first,
                                               std::uint32_t nr_frames) const
{
    const bool is_status = kind == GrantFrames::Kind::status;
    GrantFrames frames;
    frames.fmem_ = domain_.host().fmem();
    frames.nr_frames_ = nr_frames;
    frames.handle_ = xenforeignmemory_map_resource(
        frames.fmem_, static_cast<domid_t>(domain_.domid()), XENMEM_resource_grant_table,
        is_status ? XENMEM_resource_grant_table_id_status : XENMEM_resource_grant_table_id_shared,
        first, nr_frames, &frames.address_, PROT_READ, 0);
    if (frames.handle_ == nullptr) {
        const int errnum = errno;
        if (is_status && errnum == EINVAL) {
            return std::nullopt;
        }
        throw call_failed("XENMEM_acquire_resource", errnum,
                          "mapping %s frames %" PRIu32 " to %" PRIu32
                          " of the grant table of domain %u%s",
                          is_status ? "status" : "shared", first, first + nr_frames - 1,
                          domain_.domid(), acquire_hint(errnum));
    }
    return frames;
}

void GrantTable::map_entries(std::uint32_t nr_frames)
{
    while (nr_mapped_ < nr_frames) {
        const std::uint32_t more = std::min(nr_frames - nr_mapped_, frames_per_call);
        entries_.push_back(acquire(GrantFrames::Kind::shared, nr_mapped_, more).value());
        nr_mapped_ += more;
    }
}

Octets GrantTable::copy_entries(std::uint32_t nr_frames) const
{
    Octets copy;
    copy.reserve(std::size_t{nr_frames} * page_size);
    for (const GrantFrames& frames : entries_) {
        const auto octets = frames.octets();
        copy.insert(copy.end(), octets.begin(), octets.end());
    }
    return copy;
}

/// What a table of this size has. @return none if it turns out not to be of version 2
std::optional<Octets> GrantTable::copy_status(std::uint32_t nr_frames) const
{
    const std::uint32_t nr_status = nr_grant_status_frames(GrantVersion::v2, nr_frames);
    Octets copy;
    copy.reserve(std::size_t{nr_status} * page_size);
    for (std::uint32_t first = 0; first < nr_status; first += frames_per_call) {
        const auto frames =
            acquire(GrantFrames::Kind::status, first, std::min(nr_status - first, frames_per_call));
        if (!frames) {
            return std::nullopt;
        }
        const auto octets = frames->octets();
        copy.insert(copy.end(), octets.begin(), octets.end());
    }
    return copy;
}

}  // namespace sr
