// SPDX-License-Identifier: LGPL-2.1-or-later
// Taking and dropping the references of foreign mappings.
#include "tests/fakexen/host/foreign_maps.hpp"

#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/proc_maps.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace fakexen {

// The errno values are those of a PV dom0's mmu_update on the entry that would map the frame.
std::int64_t ForeignMaps::map_frame(Mfn mfn, bool writable, Domain* owner)
{
    if (machine_.is_m2p(mfn)) {
        const bool allowed = owner == nullptr && !writable;
        return allowed ? static_cast<std::int64_t>(machine_.file_offset(mfn)) : -EBUSY;
    }
    if (!machine_.is_ram(mfn)) {
        return mfn.number() >> 40 != 0 ? -EINVAL : -EPERM;
    }
    if (owner == nullptr || !types_.get_page(mfn, *owner)) {
        return -EBUSY;
    }
    if (writable && types_.get_type(mfn, FrameType::writable) != 0) {
        types_.put_page(mfn);
        return -EBUSY;
    }
    return static_cast<std::int64_t>(machine_.file_offset(mfn));
}

void ForeignMaps::map(ForeignMapping mapping, Domain* owner, std::span<std::int64_t> offsets)
{
    // The process put its new reservation there, so whatever we think it has there is gone.
    drop_range(mapping.process, mapping.address, mapping.frames.size());
    for (std::size_t i = 0; i < mapping.frames.size(); ++i) {
        offsets[i] = map_frame(Mfn{mapping.frames[i]}, mapping.writable, owner);
        if (offsets[i] < 0) {
            mapping.frames[i] = ForeignMapping::no_frame;
        } else {
            ++mapping.nr_mapped;
        }
    }
    mappings_.push_back(std::move(mapping));
    forget_empty();
}

void ForeignMaps::drop(ForeignMapping& mapping, std::size_t index)
{
    const Mfn mfn{std::exchange(mapping.frames[index], ForeignMapping::no_frame)};
    if (mfn.number() == ForeignMapping::no_frame) {
        return;
    }
    --mapping.nr_mapped;
    if (!machine_.is_ram(mfn)) {
        return;
    }
    if (mapping.grant && grant_unmapped) {
        grant_unmapped(*mapping.grant, mfn, mapping.writable);
    }
    if (mapping.writable) {
        types_.put_page_and_type(mfn);
    } else {
        types_.put_page(mfn);
    }
}

void ForeignMaps::drop_range(pid_t process, std::uint64_t address, std::uint64_t nr_pages)
{
    const std::uint64_t end = address + nr_pages * page_size;
    for (ForeignMapping& mapping : mappings_) {
        const std::uint64_t mapping_end = mapping.address + mapping.frames.size() * page_size;
        if (mapping.process != process || mapping.address >= end || address >= mapping_end) {
            continue;
        }
        const std::uint64_t first = std::max(address, mapping.address) - mapping.address;
        const std::uint64_t last = std::min(end, mapping_end) - mapping.address;
        for (std::uint64_t i = first / page_size; i < last / page_size; ++i) {
            drop(mapping, i);
        }
    }
}

void ForeignMaps::unmap(pid_t process, std::uint64_t address, std::uint64_t nr_pages)
{
    drop_range(process, address, nr_pages);
    forget_empty();
}

std::uint64_t ForeignMaps::release_process(pid_t process)
{
    std::uint64_t nr_pages = 0;
    for (ForeignMapping& mapping : mappings_) {
        if (mapping.process == process) {
            nr_pages += mapping.nr_mapped;
            for (std::size_t i = 0; i < mapping.frames.size(); ++i) {
                drop(mapping, i);
            }
        }
    }
    forget_empty();
    return nr_pages;
}

bool ForeignMaps::reclaim_stale()
{
    std::set<pid_t> processes;
    for (const ForeignMapping& mapping : mappings_) {
        processes.insert(mapping.process);
    }
    bool any = false;
    for (const pid_t process : processes) {
        any = reclaim_stale(process) || any;
    }
    return any;
}

bool ForeignMaps::reclaim_stale(pid_t process)
{
    const MappedRanges ranges = mapped_ranges(process, machine_.memory_fd());
    bool any = false;
    for (ForeignMapping& mapping : mappings_) {
        if (mapping.process != process) {
            continue;
        }
        for (std::size_t i = 0; i < mapping.frames.size(); ++i) {
            const bool held = mapping.frames[i] != ForeignMapping::no_frame;
            if (held && !ranges.contains(mapping.address + i * page_size)) {
                drop(mapping, i);
                any = true;
            }
        }
    }
    forget_empty();
    return any;
}

void ForeignMaps::forget_empty()
{
    std::erase_if(mappings_, [](const ForeignMapping& mapping) { return mapping.nr_mapped == 0; });
}

}  // namespace fakexen
