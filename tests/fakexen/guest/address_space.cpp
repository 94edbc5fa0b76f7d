// SPDX-License-Identifier: LGPL-2.1-or-later
// Walking page tables.
#include "tests/fakexen/guest/address_space.hpp"

#include <cinttypes>
#include <cstdio>

namespace fakexen::guest {

PageFault::PageFault(Va va, const std::string& why)
{
    char head[64] = {};
    (void)std::snprintf(head, sizeof head, "page fault at %#" PRIx64 ": ", va);
    text_ = head + why;
}

std::uint64_t AddressSpace::entry(Mfn table, std::size_t slot) const
{
    const std::byte* const frame = machine_.frame(table);
    if (frame == nullptr) {
        return 0;  // a walk that leaves RAM finds nothing
    }
    std::uint64_t value = 0;
    std::memcpy(&value, frame + slot * sizeof value, sizeof value);
    return value;
}

std::optional<AddressSpace::Mapping> AddressSpace::find(Va va) const
{
    Mapping found{.writable = true};
    Mfn table = top_;
    for (unsigned level = abi_.levels; level != 0; --level) {
        const std::uint64_t value = entry(table, Abi::slot(va, level));
        if ((value & pte::present) == 0) {
            return {};
        }
        found.leaf_table = table;
        found.flags = value & ~pte::frame_mask;
        // A top-level entry of PAE has no say in this.
        found.writable = found.writable && ((value & pte::writable) != 0 ||
                                            (level == abi_.levels && abi_.has_high_table()));
        table = pte::frame(value);
    }
    found.mfn = table;
    return found;
}

std::optional<Mfn> AddressSpace::table_of(Va va, unsigned level) const
{
    Mfn table = top_;
    for (unsigned at = abi_.levels; at != level; --at) {
        const std::uint64_t value = entry(table, Abi::slot(va, at));
        if ((value & pte::present) == 0) {
            return {};
        }
        table = pte::frame(value);
    }
    return table;
}

std::span<std::byte, page_size> AddressSpace::page(Va va, Access access) const
{
    const auto mapping = find(va);
    if (!mapping) {
        throw PageFault{va, "not mapped"};
    }
    if (access == Access::write && !mapping->writable) {
        throw PageFault{va, "written but read-only"};
    }
    std::byte* const frame = machine_.frame(mapping->mfn);
    if (frame == nullptr) {
        throw PageFault{va, "mapped to machine frame " + std::to_string(mapping->mfn) +
                                ", which is no RAM"};
    }
    if (access == Access::write) {
        machine_.note_store(mapping->mfn);
    }
    return std::span<std::byte, page_size>{frame, page_size};
}

std::uint64_t AddressSpace::load_number(Va va, std::size_t width) const
{
    return width == 4 ? load<std::uint32_t>(va) : load<std::uint64_t>(va);
}

void AddressSpace::store_number(Va va, std::size_t width, std::uint64_t value) const
{
    if (width == 4) {
        store(va, static_cast<std::uint32_t>(value));
    } else {
        store(va, value);
    }
}

std::span<std::byte> AddressSpace::reach(Va va, Access access) const
{
    return page(va, access).subspan(va % page_size);
}

}  // namespace fakexen::guest
